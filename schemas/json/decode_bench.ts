/**
 * Records of many kinds, by the complete parser alone and by guessing. `deno run -A schemas/json/decode_bench.ts [PART]`
 * measures both in turns and prints records a second and their ratio, of the kinds whose names hold PART.
 *
 * @module
 */
import { type Field, Schema } from "apache-arrow";
import { types } from "../../mod.ts";
import { allOf, slabOf } from "../testing.ts";
import { Decoder } from "./decoder.ts";
import { Chance } from "./topics_fixture.ts";

const { field } = types;
/** Bytes of a slab, about. */
const SLAB_BYTES = 1 << 20;
const TURNS = 60;

interface Kind {
  readonly fields: readonly Field[];
  record(i: number, chance: Chance): unknown;
  /** Text of a record; JSON.stringify by default. */
  text?(record: unknown): string;
}

const EIGHT = [
  field("id", types.int64()),
  field("name", types.utf8()),
  field("ts", types.int64()),
  field("amount", types.float64()),
  field("city", types.utf8()),
  field("device", types.utf8()),
  field("active", types.boolean()),
  field("score", types.float64()),
];
const eight = (i: number, chance: Chance): Record<string, unknown> => ({
  id: i,
  name: `user-${chance.digits(8)}`,
  ts: 1_760_000_000_000 + i,
  amount: chance.below(100_000) / 100,
  city: chance.of(["Berlin", "Paris", "Rome", "New York"]),
  device: chance.of(["ios", "android", "web"]),
  active: chance.is(0.5),
  score: chance.next(),
});
const names = (count: number) => Array.from({ length: count }, (_, i) => `field_${i}`);
const wideField = (name: string, i: number) =>
  field(name, [types.int64, types.utf8, types.float64, types.boolean, types.utf8][i % 5]());
const wideValue = (i: number, chance: Chance) =>
  [() => chance.below(1e9), () => `value ${chance.below(1000)}`, () => chance.next(), () => chance.is(0.5), () => "x"][
    i % 5
  ]();
const shuffled = (record: object, chance: Chance) => Object.fromEntries(chance.shuffled(Object.entries(record)));

const KINDS: Readonly<Record<string, Kind>> = {
  "8 fields": { fields: EIGHT, record: eight },
  "8 fields, spaces": {
    fields: EIGHT,
    record: eight,
    text: (record) => JSON.stringify(record, null, 1).replaceAll(/\n ?/g, " "),
  },
  "8 fields, low cardinality": { fields: EIGHT, record: (_, chance) => ({ ...eight(7, new Chance(chance.below(4))) }) },
  "8 fields, 3 orders": {
    fields: EIGHT,
    record: (i, chance) => shuffled(eight(i, chance), new Chance(chance.below(3))),
  },
  "8 fields, random order": { fields: EIGHT, record: (i, chance) => shuffled(eight(i, chance), chance) },
  "8 fields, an unknown one": { fields: EIGHT, record: (i, chance) => ({ ...eight(i, chance), unknown: i }) },
  "8 fields, escapes in one": { fields: EIGHT, record: (i, chance) => ({ ...eight(i, chance), city: 'a "b"\n' }) },
  "8 fields, not ASCII": { fields: EIGHT, record: (i, chance) => ({ ...eight(i, chance), name: "Jürgen Groß, Köln" }) },
  "8 fields, half null": {
    fields: EIGHT,
    record: (i, chance) =>
      Object.fromEntries(
        Object.entries(eight(i, chance)).map(([name, value]) => [name, chance.is(0.5) ? null : value]),
      ),
  },
  "8 fields, half missing": {
    fields: EIGHT,
    record: (i, chance) => Object.fromEntries(Object.entries(eight(i, chance)).filter(() => chance.is(0.5))),
  },
  "50 fields": {
    fields: names(50).map(wideField),
    record: (_, chance) => Object.fromEntries(names(50).map((name, i) => [name, wideValue(i, chance)])),
  },
  "300 fields": {
    fields: names(300).map(wideField),
    record: (_, chance) => Object.fromEntries(names(300).map((name, i) => [name, wideValue(i, chance)])),
  },
  "300 fields, 10 in a record": {
    fields: names(300).map(wideField),
    record: (_, chance) =>
      Object.fromEntries(
        names(300).map((name, i) => [name, wideValue(i, chance)] as const).filter((_, i) => i % 30 === chance.below(2)),
      ),
  },
  "nested": {
    fields: [
      field("id", types.int64()),
      field(
        "user",
        types.struct([
          field("name", types.utf8()),
          field("address", types.struct([field("city", types.utf8()), field("zip", types.utf8())])),
        ]),
      ),
      field("total", types.struct([field("amount", types.float64()), field("currency", types.utf8())])),
    ],
    record: (i, chance) => ({
      id: i,
      user: { name: `user-${chance.digits(6)}`, address: { city: "Berlin", zip: chance.digits(5) } },
      total: { amount: chance.below(10_000) / 100, currency: "EUR" },
    }),
  },
  "lists": {
    fields: [
      field("id", types.int64()),
      field("tags", types.list(types.utf8())),
      field("lines", types.list(types.struct([field("sku", types.utf8()), field("count", types.int32())]))),
    ],
    record: (i, chance) => ({
      id: i,
      tags: ["a", "bc", "def"].slice(0, chance.below(4)),
      lines: Array.from({ length: chance.below(5) }, () => ({ sku: chance.digits(8), count: chance.below(10) })),
    }),
  },
  "a map": {
    fields: [field("id", types.int64()), field("labels", types.map(types.utf8(), types.utf8()))],
    record: (i, chance) => ({ id: i, labels: { env: "prod", region: chance.of(["eu", "us"]), pod: chance.digits(5) } }),
  },
  "long strings": {
    fields: [field("id", types.int64()), field("body", types.utf8())],
    record: (i, chance) => ({ id: i, body: "The quick brown fox jumps. ".repeat(chance.below(80)) }),
  },
  "timestamps, dates, decimals": {
    fields: [
      field("at", types.timestamp()),
      field("day", types.date()),
      field("price", types.decimal(12, 2)),
      field("id", types.int64()),
    ],
    record: (_, chance) => ({
      at: `2024-01-31T12:${10 + chance.below(50)}:00.123Z`,
      day: `2024-02-${10 + chance.below(19)}`,
      price: chance.below(1e6) / 100,
      id: 7_000_000_000_000_000_000,
    }),
    text: (record) => JSON.stringify(record),
  },
};

if (import.meta.main) {
  for (const [name, kind] of Object.entries(KINDS)) {
    if (name.includes(Deno.args[0] ?? "")) measure(name, kind);
  }
}

function measure(name: string, { fields, record, text = JSON.stringify }: Kind): void {
  const chance = new Chance(1);
  const values: string[] = [];
  for (let size = 0; size < SLAB_BYTES;) {
    const value = text(record(values.length, chance));
    values.push(value);
    size += value.length;
  }
  const slab = slabOf(values);
  const indices = allOf(slab);
  const schema = new Schema([...fields]);
  const decoders = [false, true].map((guesses) => new Decoder(schema, { truncateNanos: false }, guesses));
  const bestMs = [Infinity, Infinity];
  for (let turn = 0; turn < TURNS; turn++) {
    decoders.forEach((decoder, i) => {
      const from = performance.now();
      decoder.decode(slab, "value", indices, (_, error) => {
        throw error;
      });
      bestMs[i] = Math.min(bestMs[i], performance.now() - from);
    });
  }
  const [complete, guessing] = bestMs.map((ms) =>
    Math.round(indices.length / ms * 1_000).toLocaleString("en").padStart(10)
  );
  const size = `${Math.round(slab.bytes.length / indices.length)} bytes`.padStart(11);
  const ratio = (bestMs[0] / bestMs[1]).toFixed(2);
  console.log(`${name.padEnd(30)}${size}: complete ${complete}/s, guessing ${guessing}/s, ratio ${ratio}`);
}
