/**
 * From what was measured to what is to be expected: rates, rounds, files.
 *
 * @module
 */

/** How fast a topic grows. */
export interface Rate {
  readonly messagesPerSecond: number;
  /** Keys and values as they are in the topic, uncompressed. */
  readonly bytesPerSecond: number;
  /** What it was measured over, for people. */
  readonly over: string;
}

/** What a topic's log says. Offsets count as records: of a compacted topic, or of transactions, the figures are too high. */
export interface Growth {
  readonly total: number;
  /** In the last 24 hours, and in the last hour, by the records' timestamps. */
  readonly lastDay: number;
  /** Of the records that were sampled; null: none was. */
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  readonly bytesPerRecord: number;
  readonly nowMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The average of the last day, of less where the topic is younger, of all its time where the last day had nothing. */
export function rateOf({ total, lastDay, firstMs, lastMs, bytesPerRecord, nowMs }: Growth): Rate | null {
  if (total === 0 || firstMs === null || lastMs === null) return null;
  const ageMs = Math.max(MINUTE_MS, nowMs - firstMs);
  const isIdle = lastDay === 0;
  const spanMs = isIdle ? Math.max(MINUTE_MS, lastMs - firstMs) : Math.min(DAY_MS, ageMs);
  const perSecond = (isIdle ? total : lastDay) / (spanMs / 1000);
  const over = isIdle
    ? `all ${duration(spanMs)} of the log; nothing came in the last day`
    : spanMs === DAY_MS
    ? "the last day"
    : `the log's ${duration(spanMs)}`;
  return { messagesPerSecond: perSecond, bytesPerSecond: perSecond * bytesPerRecord, over };
}

/** What rounds of a table make. */
export interface Expected {
  readonly commitsPerHour: number;
  readonly filesPerHour: number;
  /** Of a data file. */
  readonly bytesPerFile: number;
}

/** What is known of a table's rounds. */
export interface Rounds {
  readonly rate: Rate;
  /** In Parquet. */
  readonly bytesPerRow: number;
  /** Of what comes, the part that becomes rows. */
  readonly passing: number;
  readonly commitIntervalMs: number;
  /** That have partitions of the topic. */
  readonly tasks: number;
  /** Partitions of the table that new rows are in. */
  readonly tablePartitions: number;
  readonly fileBytesMax: number;
}

/** Steady state: what comes within a round is one file a task and table partition, more where it is too large. */
export function expectedOf(rounds: Rounds): Expected {
  const { rate, bytesPerRow, passing, commitIntervalMs, tasks, tablePartitions, fileBytesMax } = rounds;
  const rowsPerSecond = rate.messagesPerSecond * passing;
  const rowsPerRound = rowsPerSecond * (commitIntervalMs / 1000);
  if (rowsPerRound === 0) return { commitsPerHour: 0, filesPerHour: 0, bytesPerFile: 0 };
  // A round without records makes no version.
  const commitsPerHour = Math.min(3600 / (commitIntervalMs / 1000), rowsPerSecond * 3600);
  const rowsPerCommit = (rowsPerSecond * 3600) / commitsPerHour;
  const groups = Math.max(1, Math.min(tasks * tablePartitions, rowsPerCommit));
  const bytesPerGroup = (rowsPerCommit * bytesPerRow) / groups;
  const filesPerGroup = Math.max(1, bytesPerGroup / fileBytesMax);
  return {
    commitsPerHour,
    filesPerHour: commitsPerHour * groups * filesPerGroup,
    bytesPerFile: bytesPerGroup / filesPerGroup,
  };
}

/** `90` -> "90 bytes", 1.5 * 2 ** 20 -> "1.5 MiB". */
export function size(bytes: number): string {
  for (const [unit, of] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]] as const) {
    if (bytes >= of) return `${round(bytes / of)} ${unit}`;
  }
  return `${round(bytes)} bytes`;
}

/** Few digits. */
export function round(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(2)));
}

/** The largest unit that fits. */
export function duration(ms: number): string {
  for (const [unit, of] of [["days", DAY_MS], ["hours", 3_600_000], ["minutes", MINUTE_MS]] as const) {
    if (ms >= 2 * of) return `${Math.round(ms / of)} ${unit}`;
  }
  return `${Math.round(ms / 1000)} s`;
}

/** "1 file", "2 files". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
