/**
 * Reads a dead-letter topic: all of it as it stands now, or ranges of it, without a group and letter by letter.
 *
 * @module
 */
import { FatalError } from "../api/mod.ts";
import { type ReadRange, readRanges } from "../kafka/read_ranges.ts";
import type { Fetcher, KafkaAdmin } from "../kafka/types.ts";
import { type Letter, letterKey, letterTimeMs } from "./letter.ts";
import { parseLetter } from "./parse_letter.ts";

/** Offsets of a partition of the queue: `[from, to)`; absent: from the log's start, to its end. */
export interface OffsetChoice {
  readonly partition: number;
  readonly from?: bigint;
  readonly to?: bigint;
}

/** Which letters to read, by where they lie and by their time (`letterTimeMs`), ms: `[sinceMs, untilMs)`. */
export interface QueueChoice {
  /** Absent: all partitions. */
  readonly offsets?: readonly OffsetChoice[];
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

/**
 * What a choice means now: `to` is the last stable offset at most. The admin is to read committed. Throws FatalError where there
 * is no such topic or partition.
 */
export async function queueRanges(
  admin: Pick<KafkaAdmin, "describeTopics" | "logBounds">,
  topic: string,
  { offsets }: QueueChoice = {},
): Promise<ReadRange[]> {
  const described = (await admin.describeTopics([topic])).find((each) => each.topic === topic);
  if (!described) {
    throw new FatalError(
      `Cannot read dead letters: there is no topic "${topic}". It is made at the first start of a connector that names it; ` +
        "else name the right one by --topic",
    );
  }
  const { topicId, partitions } = described;
  const missing = offsets?.find(({ partition }) => partition >= partitions);
  if (missing) {
    throw new FatalError(
      `Cannot read partition ${missing.partition} of "${topic}": it has ${partitions}, 0 to ${partitions - 1}`,
    );
  }
  const bounds = await admin.logBounds(
    Array.from({ length: partitions }, (_, partition) => ({ topic, topicId, partition })),
  );
  const chosen = offsets ?? bounds.map(({ partition }): OffsetChoice => ({ partition }));
  const ranges = chosen.map(({ partition, from = 0n, to }) => {
    const { logStartOffset, endOffset } = bounds.find((each) => each.partition === partition)!;
    return {
      ...{ topic, topicId, partition },
      from: from > logStartOffset ? from : logStartOffset,
      to: to !== undefined && to < endOffset ? to : endOffset,
    };
  });
  return withoutOverlap(ranges);
}

/**
 * Yields the letters in the ranges, in order within a partition; several partitions take turns. Copies of a letter come as often
 * as they are there: see `Copies`. The caller closes the fetcher.
 */
export async function* readQueue(
  fetcher: Fetcher,
  ranges: readonly ReadRange[],
  { sinceMs = -Infinity, untilMs = Infinity }: QueueChoice = {},
): AsyncGenerator<Letter> {
  for (const group of rounds(ranges)) {
    for await (const { records, count } of readRanges(fetcher, group)) {
      for (let i = 0; i < count; i++) {
        const letter = parseLetter(records, i);
        const ms = letterTimeMs(letter);
        if (ms >= sinceMs && ms < untilMs) yield letter;
      }
    }
  }
}

/** Tells copies of a letter (the same key, as often a letter: after a crash) by their keys alone. */
export class Copies {
  /** Offsets by topic, partition, connector and attempts: half a million letters take some 20 MB. */
  readonly #seen = new Map<string, Set<number | bigint | string>>();
  #count = 0;

  /** How many copies there were. */
  get count(): number {
    return this.#count;
  }

  /** Whether there was such a letter before; remembers it. */
  isCopy(letter: Letter): boolean {
    const { origin, at, recordId, connector, attempts } = letter;
    const { topic, partition, offset, topicId } = origin ?? at;
    const key = `${origin ? "" : "queue:"}${topic}/${partition}/${topicId ?? ""}/${attempts}/${
      origin ? connector : ""
    }`;
    const seen = this.#seen.get(key) ?? new Set();
    this.#seen.set(key, seen);
    const compact = topicId === undefined
      ? `${offset}/${recordId}`
      : offset <= Number.MAX_SAFE_INTEGER
      ? Number(offset)
      : offset;
    if (seen.has(compact)) {
      this.#count++;
      return true;
    }
    seen.add(compact);
    return false;
  }
}

/** `letterKey` and how often it is a letter: what copies share. */
export function copyKey(letter: Letter): string {
  return `${letterKey(letter)}#${letter.attempts}`;
}

/** The same offsets once, in order. */
function withoutOverlap(ranges: readonly ReadRange[]): ReadRange[] {
  const sorted = [...ranges].sort((a, b) =>
    a.partition - b.partition || (a.from < b.from ? -1 : a.from > b.from ? 1 : 0)
  );
  const out: ReadRange[] = [];
  for (const range of sorted) {
    if (range.from >= range.to) continue;
    const last = out.at(-1);
    if (last?.partition === range.partition && range.from <= last.to) {
      out[out.length - 1] = { ...last, to: range.to > last.to ? range.to : last.to };
    } else out.push(range);
  }
  return out;
}

/** Ranges that are read at the same time: one a partition. */
function rounds(ranges: readonly ReadRange[]): ReadRange[][] {
  const out: ReadRange[][] = [];
  for (const range of ranges) {
    const round = out.find((group) => group.every(({ partition }) => partition !== range.partition));
    if (round) round.push(range);
    else out.push([range]);
  }
  return out;
}
