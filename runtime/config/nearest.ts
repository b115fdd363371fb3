/**
 * Did-you-mean: the known name that a mistyped one is nearest to.
 *
 * @module
 */

/** The nearest of `known`, or null where none is near enough to be meant. */
export function nearest(name: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  // A third of the name may be wrong; beyond that a suggestion misleads.
  let limit = Math.min(name.length, Math.max(1, Math.floor(name.length / 3)) + 1);
  for (const candidate of known) {
    const distance = editDistance(normal(name), normal(candidate), limit);
    if (distance < limit) [best, limit] = [candidate, distance];
  }
  return best ?? reordered(name, known);
}

/** A hint to append to a message, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearest(name, known);
  return near === null ? "" : `; did you mean "${near}"?`;
}

/** Case and the choice of separator are no difference in meaning. */
function normal(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, ".");
}

/** The same words in another order, or one word missing: `interval.commit.ms`, `commit.interval`. */
function reordered(name: string, known: Iterable<string>): string | null {
  const words = new Set(normal(name).split("."));
  for (const candidate of known) {
    const wanted = new Set(normal(candidate).split("."));
    const common = [...wanted].filter((word) => words.has(word)).length;
    if (common >= 2 && common === words.size && wanted.size - common <= 1) return candidate;
  }
  return null;
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment) from `a` to `b`; `limit` where
 * it is that or more.
 */
function editDistance(a: string, b: string, limit = Infinity): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        current[j] = Math.min(current[j], before[j - 2] + 1);
      }
    }
    [before, previous] = [previous, current];
  }
  return Math.min(previous[b.length], limit);
}
