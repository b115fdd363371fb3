/**
 * For tests and benches: columns of many distributions, the same in every run.
 *
 * @module
 */
import type { DataType, RecordBatch } from "apache-arrow";
import { Schema } from "apache-arrow";
import { types } from "../../../mod.ts";
import { batchOf } from "./test_support.ts";

const WORDS = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore".split(
  " ",
);
const CITIES = ["CH", "DE", "FR", "IT", "AT"];

type Maker = (row: number, below: (limit: number) => number) => unknown;

/** Columns by name: their type, and a value of each row. `below` is chance. */
export const VARIED: Readonly<Record<string, readonly [DataType, Maker]>> = {
  id: [types.int64(), (row) => BigInt(row)],
  amount: [types.int64(), (_, below) => BigInt(below(1_000_003))],
  at: [types.timestamp(), (row, below) => BigInt(1.7e15 + row * 1000 + below(900))],
  at_ms: [types.localTimestamp(), (row, below) => BigInt(1.7e12 + row * 10 + below(5000)) * 1000n],
  price: [types.float64(), (row) => Math.sin(row) * 1000],
  price_cents: [types.float64(), (_, below) => below(10_000) / 100],
  ratio: [types.float32(), (_, below) => Math.fround(below(2 ** 24) / 2 ** 24)],
  user: [types.utf8(), (row) => `user${String((row * 104729) % 100_000_000).padStart(8, "0")}`],
  country: [types.utf8(), (_, below) => CITIES[below(5)]],
  device: [types.utf8(), (_, below) => `device-${below(30_000)}`],
  customer: [types.utf8(), (_, below) => `customer-number-${below(150_000)}`],
  url: [types.utf8(), (_, below) => `https://example.com/${below(2 ** 32).toString(36)}`.padEnd(60, "x")],
  text: [types.utf8(), (_, below) => Array.from({ length: 5 + below(40) }, () => WORDS[below(15)]).join(" ")],
  json: [types.utf8(), (row, below) => JSON.stringify({ id: row, user: WORDS[below(15)], n: below(1000) })],
  uuid: [types.utf8(), (_, below) => Array.from({ length: 4 }, () => below(2 ** 32).toString(16)).join("-")],
  active: [types.boolean(), (_, below) => below(3) === 0],
  status: [types.int32(), (_, below) => [200, 200, 200, 404, 500, 301][below(6)]],
  hash: [types.int64(), (_, below) => BigInt.asIntN(64, (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32)))],
  code: [types.int64(), (_, below) => BigInt(below(50_000)) * 1_000_003n],
  small: [types.int8(), (_, below) => below(100)],
  short: [types.int16(), (_, below) => below(30_000) - 15_000],
  d9: [types.decimal(9, 2), (_, below) => BigInt(below(100_000))],
  d18: [types.decimal(18, 4), (_, below) => BigInt(below(1e9))],
  d38: [types.decimal(38, 10), (_, below) => -BigInt(below(1e9)) * 100_000_000n],
  day: [types.date(), (_, below) => 19_000 + below(400)],
  bytes: [types.binary(), (_, below) => Uint8Array.from({ length: 16 }, () => below(256))],
  sparse: [types.utf8(), (_, below) => below(20) > 0 ? null : `value ${below(1000)}`],
  half: [types.int64(), (_, below) => below(2) > 0 ? null : BigInt(below(100_000))],
  none: [types.int32(), () => null],
  runs: [types.int64(), (row) => BigInt((Math.floor(row / 500) * 123_457) % 99_991)],
  tags: [types.list(types.utf8()), (_, below) => Array.from({ length: below(5) }, () => WORDS[below(15)])],
  inner: [
    types.struct([types.field("a", types.int32()), types.field("b", types.struct([types.field("c", types.utf8())]))]),
    (_, below) => below(10) === 0 ? null : { a: below(1000), b: { c: `name ${below(5000)}` } },
  ],
  counts: [
    types.map(types.utf8(), types.int64()),
    (_, below) => Array.from({ length: below(4) }, (_, k) => [`k${k}`, BigInt(below(50))]),
  ],
};

/** Batches of `length` rows of these columns. */
export function variedBatches(names: readonly string[], rows: number, length: number): RecordBatch[] {
  const schema = new Schema(names.map((name) => types.field(name, VARIED[name][0])));
  const below = chance();
  return Array.from({ length: Math.ceil(rows / length) }, (_, b) =>
    batchOf(
      schema,
      Array.from(
        { length: Math.min(length, rows - b * length) },
        (_, i) => names.map((name) => VARIED[name][1](b * length + i, below)),
      ),
    ));
}

/** xorshift: numbers below a limit, the same ones in every run. */
function chance(): (limit: number) => number {
  let state = 0x2545f491;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * limit);
  };
}
