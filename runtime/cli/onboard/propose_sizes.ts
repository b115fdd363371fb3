/**
 * Tasks, rounds and files for a rate.
 *
 * @module
 */
import { counted, duration, type Rate, round, size } from "../plan/estimate.ts";

/** What is known of the topics of an instance together. */
export interface Load {
  /** Null: nothing is known, there are no records. */
  readonly rate: Rate | null;
  /** In Parquet; null: no row was seen. */
  readonly bytesPerRow: number | null;
  /** Of the topics. */
  readonly kafkaPartitions: number;
  /** Partitions of the tables that new rows are in, all tables together. */
  readonly tablePartitions: number;
}

/** An option and why it has its value. */
export interface Sized {
  readonly value: string;
  readonly why: string;
}

/** What is proposed. */
export interface SizeProposal {
  readonly tasksMax: Sized;
  readonly commitInterval: Sized;
  readonly fileBytesMax: Sized;
}

const MiB = 2 ** 20;
/** What a task is given here: well below what one takes in (tests/bench/RESULTS.md), so that it can catch up. */
const TASK_RECORDS_PER_SECOND = 50_000;
const TASK_BYTES_PER_SECOND = 20 * MiB;
const TASKS_MAX = 16;
/** A good file, for readers and for the log. */
const FILE_BYTES_WANTED = 32 * MiB;
const LARGE_ROUND_BYTES = 1024 * MiB;
const INTERVALS: readonly (readonly [text: string, ms: number])[] = [
  ["10s", 10_000],
  ["30s", 30_000],
  ["1m", 60_000],
];

/** The fewest tasks that keep up with room to spare; the shortest round that fills files, a minute at most. */
export function proposeSizes({ rate, bytesPerRow, kafkaPartitions, tablePartitions }: Load): SizeProposal {
  if (rate === null) {
    const why = "the default: there are no records to measure";
    return {
      tasksMax: { value: "1", why },
      commitInterval: { value: "1m", why },
      fileBytesMax: { value: "128MiB", why },
    };
  }
  const { messagesPerSecond, bytesPerSecond, over } = rate;
  const wanted = Math.max(messagesPerSecond / TASK_RECORDS_PER_SECOND, bytesPerSecond / TASK_BYTES_PER_SECOND);
  const tasks = Math.max(1, Math.min(Math.ceil(wanted), Math.max(1, kafkaPartitions), TASKS_MAX));
  const tasksMax = {
    value: String(tasks),
    why: `${round(messagesPerSecond)} records/s, ${size(bytesPerSecond)}/s over ${over}; ` +
      `${counted(kafkaPartitions, "partition")} to share, a thread takes some ${
        round(TASK_RECORDS_PER_SECOND)
      } records/s`,
  };
  const rowBytes = bytesPerRow ?? bytesPerSecond / Math.max(messagesPerSecond, Number.MIN_VALUE);
  const written = messagesPerSecond * rowBytes;
  const files = tasks * Math.max(1, tablePartitions);
  const [text, ms] = INTERVALS.find(([, ms]) => (written * ms) / 1000 / files >= FILE_BYTES_WANTED) ??
    INTERVALS.at(-1)!;
  const perFile = (written * ms) / 1000 / files;
  // Longer rounds make larger files and older rows: which of the two counts is not ours to say.
  const tenTimes = perFile < FILE_BYTES_WANTED ? `; 10m would make files of ${size((written * 600) / files)}` : "";
  const isLarge = perFile > LARGE_ROUND_BYTES;
  return {
    tasksMax,
    commitInterval: {
      value: text,
      why: `rows are ${duration(ms)} old at most; a round is about ${size(written * (ms / 1000))} of Parquet in ` +
        `${counted(files, "file")}${tenTimes}`,
    },
    fileBytesMax: {
      value: isLarge ? "256MiB" : "128MiB",
      why: isLarge ? "rounds are large" : "the default: a round seldom fills one",
    },
  };
}
