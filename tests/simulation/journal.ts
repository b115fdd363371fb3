/**
 * What happened, in order: versions, dead letters, deleted files. It watches from outside of the processes, so that a
 * crash takes nothing from it.
 *
 * @module
 */
import { type Offsets, partitionKey } from "../../mod.ts";
import { parseAppId } from "../../connectors/delta-sink/committer/app_ids.ts";
import { parseActions } from "../../connectors/delta-sink/delta/actions.ts";
import type { ProducerRecord } from "../../runtime/kafka/types.ts";
import type { StorageEvents } from "./simulated_storage.ts";

/** A dead letter: where its record came from, and when it was acknowledged first. */
export interface Letter {
  readonly origin: string;
  readonly step: number;
}

/** Tells letters apart, those of earlier incarnations of a topic too. */
export function letterKey(
  { topic, partition, offset, timestampMs }: {
    topic: string;
    partition: number;
    offset: bigint;
    timestampMs: number;
  },
): string {
  return `${topic}/${partition}/${offset} of ${timestampMs}`;
}

const PREFIX = "__connect.errors.";

/** See the module's doc. A step is a number that grows with everything that happens. */
export class Journal implements StorageEvents {
  #step = 0;
  /** The step of each version, by table and path in it. */
  readonly versions = new Map<string, number>();
  /** First letters by `letterKey`. */
  readonly letters = new Map<string, Letter>();
  /** Letters that came again. */
  repeatedLetters = 0;
  /** Next offsets by the tables, `topic/partition/topicId`. */
  readonly offsets = new Map<string, bigint>();
  readonly deleted = new Set<string>();
  /** What must never happen and did. */
  readonly violations: string[] = [];

  onCreated(table: string, path: string, bytes: Uint8Array | null): void {
    this.#step++;
    if (bytes === null || !/_delta_log\/\d+\.json$/.test(path)) return;
    this.versions.set(`${table}/${path}`, this.#step);
    for (const { txn } of parseActions(bytes, path)) {
      const id = txn && parseAppId(txn.appId);
      if (id) this.offsets.set(`${partitionKey(id)}/${id.topicId}`, txn!.version);
    }
  }

  onDeleted(table: string, path: string): void {
    this.#step++;
    this.deleted.add(`${table}/${path}`);
  }

  readonly onProduced = ({ headers, timestampMs }: ProducerRecord): void => {
    this.#step++;
    const text = (name: string) =>
      new TextDecoder().decode(headers.findLast(({ key }) => key === PREFIX + name)!.value!);
    const origin = letterKey({
      topic: text("topic"),
      partition: Number(text("partition")),
      offset: BigInt(text("offset")),
      timestampMs,
    });
    if (this.letters.has(origin)) this.repeatedLetters++;
    else this.letters.set(origin, { origin, step: this.#step });
  };

  readonly onAdvance = (offsets: Offsets): void => {
    for (const offset of offsets) {
      const inTable = this.offsets.get(`${partitionKey(offset)}/${offset.topicId}`);
      if (inTable !== undefined && inTable >= offset.offset) continue;
      this.violations.push(
        `the group's offset of ${partitionKey(offset)} moved to ${offset.offset}, the table stands at ${
          inTable ?? "none"
        }`,
      );
    }
  };
}
