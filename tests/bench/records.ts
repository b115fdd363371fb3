/**
 * Records for an ordinary producer: those of eight fields (`flat8` of schemas.ts), 178 bytes of JSON each, and some
 * other shapes that many tables share.
 *
 * @module
 */
import type { ProducerRecord } from "../../runtime/kafka/types.ts";
import { SHAPES } from "./schemas.ts";

const CITIES = ["Berlin", "Lisbon", "Nairobi", "Osaka", "Quito", "Tromso", "Zagreb"];
const DEVICES = ["ios", "android", "web"];
const TEXT = new TextEncoder();

/** Records `from` to `to` - 1; the id is the record's number. */
export function jsonRecords(topic: string, from: number, to: number, nowMs: number): ProducerRecord[] {
  const records: ProducerRecord[] = [];
  for (let id = from; id < to; id++) records.push(record(topic, id, nowMs));
  return records;
}

/** A record of one of five shapes; all have `id` (the record's number), `ts` (`nowMs`) and `city`. */
export function shapedRecord(topic: string, shape: number, id: number, nowMs: number): ProducerRecord {
  const mixed = (Math.imul(id, 2654435761) >>> 0) / 4294967296;
  const city = CITIES[id % CITIES.length];
  const own = [
    { name: `user-${id}`, amount: mixed * 1000 + 1e-7, device: DEVICES[id % 3], active: id % 3 === 0 },
    { order: { no: id, total: mixed + 1e-7 }, lines: [{ sku: `sku-${id % 97}`, quantity: id % 7 }] },
    { sensor: `s-${id % 40}`, value: mixed + 1e-7, unit: "kPa", ok: true, quality: id % 5 },
    { path: `/pages/${id % 211}`, status: 200 + id % 3, ms: id % 800, agent: "Mozilla/5.0", referrer: null, bytes: id },
    { tags: ["a", `t${id % 9}`], note: "x".repeat(id % 60), score: mixed + 1e-7 },
  ][shape % 5];
  const value = TEXT.encode(JSON.stringify({ id, ts: nowMs, city, ...own }));
  return { topic, key: TEXT.encode(String(id)), value, headers: [], timestampMs: nowMs };
}

function record(topic: string, id: number, nowMs: number): ProducerRecord {
  return {
    topic,
    key: TEXT.encode(String(id)),
    value: TEXT.encode(JSON.stringify(SHAPES.flat8.record(id))),
    headers: [],
    timestampMs: nowMs, // not made up: the broker deletes what is older than the topic's retention
  };
}
