/**
 * The ledger of a dead-letter topic: a compacted topic beside it that says what became of letters, and what the runs that
 * did it had chosen. See README.md for its keys.
 *
 * @module
 */
import { FatalError, rawKey, type RawRecords, rawValue } from "../api/mod.ts";
import { readRanges } from "../kafka/read_ranges.ts";
import type { Fetcher, KafkaAdmin, ProducerRecord } from "../kafka/types.ts";
import { type LedgerEntry, type Letter, type LetterId, letterKey, type LetterState, stateOf } from "./letter.ts";

/** The name of a dead-letter topic's ledger. */
export const ledgerTopic = (deadLetterTopic: string): string => `${deadLetterTopic}.ledger`;

/** The `transactional.id` of all who change a queue's ledger: they take turns. */
export const ledgerProducerId = (deadLetterTopic: string): string => `sluice-dlq-${deadLetterTopic}`;

/** Keys of a run begin with it; letters' keys never do: no topic's name holds a colon. */
const RUN = "run:";

/** What a ledger said when it was read, and what was noted since. */
export class Ledger {
  readonly #entries = new Map<string, LedgerEntry>();
  /** What is kept of runs, by key. */
  readonly #runs = new Map<string, Uint8Array>();
  /** Values that make no sense, by key: a later one of the same key may, or take it out. */
  readonly #garbage = new Map<string, Uint8Array>();

  /** What it says of a letter's record. */
  entryOf(letter: LetterId): LedgerEntry | undefined {
    return this.#entries.get(letterKey(letter));
  }

  /** What became of a letter. */
  stateOf(letter: Letter): LetterState {
    return stateOf(letter, this.entryOf(letter));
  }

  /** How often a letter's record was one; of a letter that no new one can follow also how often it was refused since. */
  attemptsOf(letter: LetterId & Pick<Letter, "attempts">): number {
    const entry = this.entryOf(letter);
    return entry?.of === letter.attempts ? entry.attempts : letter.attempts;
  }

  /** How many records it says something of. */
  get size(): number {
    return this.#entries.size;
  }

  /** What is kept below a run's name, by the rest of the key; "" for the run itself. */
  run(id: string): ReadonlyMap<string, Uint8Array> {
    const prefix = `${RUN}${id}`;
    const found = [...this.#runs].filter(([key]) => key === prefix || key.startsWith(`${prefix}/`));
    return new Map(found.map(([key, bytes]) => [key.slice(prefix.length + 1), bytes]));
  }

  /** The names of all runs that are kept. */
  runIds(): string[] {
    return [...this.#runs.keys()].filter((key) => !key.slice(RUN.length).includes("/")).map((key) =>
      key.slice(RUN.length)
    );
  }

  /** Takes what a record of the ledger says. */
  take(key: string, value: Uint8Array | null): void {
    if (key.startsWith(RUN)) {
      if (value === null) this.#runs.delete(key);
      else this.#runs.set(key, value);
      return;
    }
    this.#garbage.delete(key);
    const entry = value && parseEntry(value);
    if (entry) this.#entries.set(key, entry);
    else this.#entries.delete(key);
    if (value && !entry) this.#garbage.set(key, value);
  }

  /** Throws FatalError where it holds what makes no sense: who goes on without it may replay what was replayed. */
  assertSound(): void {
    for (const [key, value] of this.#garbage) throw noSense(key, value, "state of a letter");
  }
}

/** A change of the ledger: null takes the key out. */
export type LedgerChange = readonly [key: string, value: Uint8Array | null];

/** What became of a letter, as a change; null: it is open again. */
export function entryChange(letter: LetterId, entry: LedgerEntry | null): LedgerChange {
  return [letterKey(letter), entry && ENCODER.encode(JSON.stringify(entry))];
}

/** Something of a run, as a change. `part` is "" for the run itself. */
export function runChange(id: string, part: string, value: Uint8Array | null): LedgerChange {
  return [`${RUN}${id}${part === "" ? "" : `/${part}`}`, value];
}

/** A change as a record of the ledger of `deadLetterTopic`. */
export function ledgerRecord(
  deadLetterTopic: string,
  [key, value]: LedgerChange,
  timestampMs: number,
): ProducerRecord {
  return { topic: ledgerTopic(deadLetterTopic), key: ENCODER.encode(key), value, headers: [], timestampMs };
}

/**
 * Reads the ledger of a dead-letter topic to its end; where there is none it is empty. Admin and fetcher are to read what is
 * committed. The caller closes them.
 */
export async function readLedger(
  { admin, fetcher }: { readonly admin: Pick<KafkaAdmin, "describeTopics" | "logBounds">; readonly fetcher: Fetcher },
  deadLetterTopic: string,
): Promise<Ledger> {
  const ledger = new Ledger();
  const topic = ledgerTopic(deadLetterTopic);
  const found = (await admin.describeTopics([topic])).find((each) => each.topic === topic);
  if (!found) return ledger;
  const { topicId, partitions } = found;
  const bounds = await admin.logBounds(
    Array.from({ length: partitions }, (_, partition) => ({ topic, topicId, partition })),
  );
  const ranges = bounds.map(({ logStartOffset, endOffset, ...at }) => ({ ...at, from: logStartOffset, to: endOffset }));
  for await (const { records, count } of readRanges(fetcher, ranges)) {
    for (let i = 0; i < count; i++) takeRecord(ledger, records, i);
  }
  ledger.assertSound();
  return ledger;
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const STATES: readonly string[] = ["open", "replayed", "resolved", "quarantined"] satisfies LetterState[];

function takeRecord(ledger: Ledger, records: RawRecords, index: number): void {
  const key = rawKey(records, index);
  if (key === null) return; // a compacted topic takes none: nobody's
  const value = rawValue(records, index);
  ledger.take(DECODER.decode(key), value === null ? null : value.slice()); // the slab is used again
}

function parseEntry(bytes: Uint8Array): LedgerEntry | null {
  const entry = jsonOf(bytes) as Partial<LedgerEntry> | null;
  const { state, attempts, of, run = "", atMs = 0, note = null } = entry ?? {};
  const isEntry = STATES.includes(String(state)) && Number.isSafeInteger(attempts) && typeof run === "string" &&
    typeof atMs === "number" && (note === null || typeof note === "string") &&
    (of === undefined || Number.isSafeInteger(of));
  if (!isEntry) return null;
  return { state: state!, attempts: attempts!, ...(of === undefined ? {} : { of }), run, atMs, note };
}

/** What a value of the ledger holds; undefined where it is no JSON. */
export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(DECODER.decode(bytes));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** That a record of the ledger is not what its key says. */
export function noSense(key: string, bytes: Uint8Array, wanted: string): FatalError {
  const shown = (text: string) => JSON.stringify(text.slice(0, 200));
  return new FatalError(
    `Cannot read the ledger: the value of its key ${shown(key)} is ${
      shown(DECODER.decode(bytes))
    }, and no ${wanted}. ` +
      "A newer version wrote it: use that one. Or somebody else writes to the topic: send a record with this key and a " +
      "null value, which takes it out",
  );
}
