/**
 * A dead letter as triage sees it: what its headers say, and the record as it was.
 *
 * @module
 */
import type { RecordHeader } from "../api/mod.ts";

/** A place in Kafka. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** The topic's id: a topic that was created again has other records. Absent: not known. */
  readonly topicId?: string;
}

/** See the module's doc. All headers may be missing: other tools write dead letters too. */
export interface Letter {
  /** Where it lies in the queue. */
  readonly at: Place;
  /** Where its record came from (`__connect.errors.topic` and so on); null where the headers do not say. */
  readonly origin: Place | null;
  /**
   * Tells its record from others that were at the same place of a topic of the same name: the topic's id; of who does not say it
   * (Kafka Connect) a hash of the key and the value.
   */
  readonly recordId: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** The record's own headers: those of errors are left out. */
  readonly headers: readonly RecordHeader[];
  /** The record's timestamp, ms since 1970 UTC. */
  readonly timestampMs: number;
  /** When it was set aside, ms since 1970 UTC; null where nobody says so. */
  readonly setAsideMs: number | null;
  /** Connect's word for where it was set aside, e.g. VALUE_CONVERTER; empty where unknown. */
  readonly stage: string;
  /** The stable phrase that triage groups by; the exception's class where another tool wrote the letter. */
  readonly reason: string;
  readonly message: string;
  readonly exception: string;
  readonly trace: string;
  readonly connector: string;
  readonly task: number | null;
  readonly schemaId: number | null;
  readonly subject: string | null;
  readonly fieldPath: string | null;
  readonly bytePosition: number | null;
  /** How often the record has become a letter, this one counted: at least 1. */
  readonly attempts: number;
}

/** What became of a letter. Without an entry in the ledger it is open. */
export type LetterState = "open" | "replayed" | "resolved" | "quarantined";

/** What tells letters of one record and connector from all others. */
export type LetterId = Pick<Letter, "origin" | "at" | "recordId" | "connector">;

/**
 * The ledger's key of a letter: its origin and its connector, or its own place where it has no origin. Copies of a letter (after
 * a crash) share it; so do later letters of the same record, which have a higher `attempts`. Connectors that read the same topic
 * into different tables may share a queue: what became of the letter of one says nothing about the other's.
 */
export function letterKey({ origin, at, recordId, connector }: LetterId): string {
  const { topic, partition, offset } = origin ?? at;
  if (!origin) return `queue:${topic}/${partition}/${offset}/${recordId}`;
  return `${topic}/${partition}/${offset}/${recordId}/${connector.slice(0, CONNECTOR_MAX)}`;
}

/** Anybody may have written it, and keys are kept for long. */
const CONNECTOR_MAX = 249;

/** What of a letter tells it from others: little to keep. */
export function letterIdOf({ origin, at, recordId, connector }: LetterId): LetterId {
  return { origin, at, recordId, connector };
}

/** A letter's time, for people: when it was set aside; of those that do not say, when the record is from. */
export function letterTimeMs({ setAsideMs, timestampMs }: Pick<Letter, "setAsideMs" | "timestampMs">): number {
  return setAsideMs ?? timestampMs;
}

/**
 * What the ledger holds for a key: letters of it with `attempts` up to this one are done with. Where it says `open`, they are
 * not: so often was a letter refused that no new one can follow, see `of`.
 */
export interface LedgerEntry {
  readonly state: LetterState;
  readonly attempts: number;
  /**
   * The `attempts` of the letter that it counts on for: one that does not say where its record came from, or is too large to
   * be written once more.
   */
  readonly of?: number;
  /** The run that did it. */
  readonly run: string;
  /** ms since 1970 UTC. */
  readonly atMs: number;
  /** What a person said about it. */
  readonly note: string | null;
}

/** What became of a letter, by the ledger's entry for its key. */
export function stateOf(letter: Letter, entry: LedgerEntry | undefined): LetterState {
  if (!entry || letter.attempts > entry.attempts) return "open";
  return letter.attempts < (entry.of ?? 0) ? "replayed" : entry.state; // the record became a letter again
}
