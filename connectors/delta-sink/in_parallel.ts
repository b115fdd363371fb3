/**
 * Work on many tables at once, though not on all.
 *
 * @module
 */

const AT_ONCE = 16;

/** Does `work` for all, in order of their beginning; waits for all of it, then throws what the first that failed threw. */
export async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const run = async () => {
    for (const [i, item] of left) results[i] = await work(item);
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, items.length) }, run));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
  return results;
}
