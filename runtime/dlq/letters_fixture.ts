/**
 * Letters made by hand, for tests.
 *
 * @module
 */
import type { RawRecords } from "../api/mod.ts";
import { encodeBatch, type FixtureRecord } from "../kafka/batch_fixture.ts";
import { decodeRecordSet } from "../kafka/record_batch.ts";
import { SlabPool } from "../kafka/slab_pool.ts";
import type { Letter } from "./letter.ts";

/** A slab as a broker would have sent it. */
export function slabOfRecords(topic: string, partition: number, records: readonly FixtureRecord[]): RawRecords {
  const bytes = encodeBatch({ baseOffset: 0n, records });
  const options = { checkCrcs: true, slabBytesMax: 1 << 24, allocator: new SlabPool(0) };
  const set = { topic, topicId: "id", partition, from: 0n, bytes, aborted: null };
  return [...decodeRecordSet(set, options)][0].records;
}

/** A letter of `orders-0`, as the others are unless told. */
export function letterOf(changes: Partial<Letter> = {}, offset = 0): Letter {
  return {
    at: { topic: "dead", partition: 0, offset: BigInt(offset) },
    origin: { topic: "orders", partition: 0, offset: BigInt(offset) },
    recordId: changes.origin?.topicId ?? changes.at?.topicId ?? "id",
    key: null,
    value: new TextEncoder().encode("{"),
    headers: [],
    timestampMs: 1_700_000_000_000 + offset,
    setAsideMs: null,
    stage: "VALUE_CONVERTER",
    reason: "malformed json",
    message: "Cannot read the record: it ends too early",
    exception: "DataError",
    trace: "DataError: ...",
    connector: "orders",
    task: 0,
    schemaId: null,
    subject: null,
    fieldPath: null,
    bytePosition: 1,
    attempts: 1,
    ...changes,
  };
}
