/**
 * Figures of runs, and what is made of them: medians, extremes and ratios.
 *
 * @module
 */

/** What a run prints: a line of names and values. */
export type Figures = Readonly<Record<string, unknown>>;

/** The middle one, or the mean of the two in the middle; throws where there is none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take the median of nothing: give at least one value");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** To two digits after the point, or three significant ones where it is small. */
export function rounded(value: number): number {
  return Math.abs(value) >= 1 || value === 0 ? Math.round(value * 100) / 100 : Number(value.toPrecision(3));
}

/** One line for several runs of the same: what they agree on, and median, least and greatest of every measured figure. */
export function summary(runs: readonly Figures[]): Figures {
  const same: Record<string, unknown> = {};
  const spread: Record<string, { median: number; min: number; max: number }> = {};
  for (const [name, value] of Object.entries(runs[0])) {
    const values = runs.map((run) => run[name]);
    if (values.every((other) => JSON.stringify(other) === JSON.stringify(value))) same[name] = value;
    else if (values.every((other): other is number => typeof other === "number")) {
      spread[name] = { median: rounded(median(values)), min: Math.min(...values), max: Math.max(...values) };
    }
  }
  return { ...same, summary_of_runs: runs.length, ...spread };
}

/** The figures of a comparison, each the other's name for it. */
const COMPARED = {
  records_per_s: "rate",
  cpu_s_per_million: "cpu_per_million",
  peak_rss_mb: "peak_rss",
} as const;

/** Medians of both sides and ours as a multiple of theirs, for the figures that both have. */
export function comparison(ours: readonly Figures[], theirs: readonly Figures[]): Figures {
  const line: Record<string, unknown> = { comparison_of_runs: Math.min(ours.length, theirs.length) };
  for (const [name, short] of Object.entries(COMPARED)) {
    const [own, other] = [ours, theirs].map((runs) =>
      runs.map((run) => run[name]).filter((value) => typeof value === "number")
    );
    if (own.length === 0 || other.length === 0) continue;
    line[name] = { ours: rounded(median(own)), peer: rounded(median(other)) };
    line[`${short}_ratio`] = rounded(median(own) / median(other));
  }
  return line;
}
