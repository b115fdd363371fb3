/**
 * Payloads of many kinds by steps, by code, and by the converter: `deno run -A schemas/avro/decode_bench.ts [PART]` prints
 * records a second of the kinds whose names hold PART.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { benchRuns } from "../runs_bench_test_support.ts";
import { Decoder, Rows } from "./decoder.ts";
import { parseSchema } from "./schema.ts";
import { type Json, oracle, Random } from "./test_support.ts";

const random = new Random(1);
const record = (name: string, fields: readonly (readonly [string, Json])[]): Json => ({
  type: "record",
  name,
  fields: fields.map(([field, type]) => ({ name: field, type })),
});
const MILLIS: Json = { type: "long", logicalType: "timestamp-millis" };
const long = "leave it with the neighbours, or in the shed behind the house, please; ".repeat(8);

const EIGHT: [string, Json][] = [
  ["id", "long"],
  ["name", "string"],
  ["ts", MILLIS],
  ["amount", "double"],
  ["city", "string"],
  ["device", "string"],
  ["active", "boolean"],
  ["score", "double"],
];
const eight = (i: number): Record<string, unknown> => ({
  id: BigInt(i) * 1_000_003n,
  name: `customer-${i}-of-many-customers`,
  ts: 1_767_225_600_000n + BigInt(i),
  amount: random.next() * 1000,
  city: random.pick(["Wien", "Berlin", "São Paulo"]),
  device: `device-${i % 100}`,
  active: i % 2 === 0,
  score: random.next(),
});
const columns = (count: number, nullable: boolean): [string, Json][] =>
  Array.from({ length: count }, (_, i) => {
    const type = (["long", "string", "double", "boolean", "string"] as const)[i % 5];
    return [`f${i}`, nullable ? ["null", type] : type];
  });
const column = (i: number, at: number): unknown =>
  [() => BigInt(at * i), () => `value ${at % 1000}`, () => random.next(), () => random.next() < 0.5, () => "x"]
    [i % 5]();
const values = (count: number, at: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, column(i, at)]));

const KINDS: Readonly<Record<string, readonly [Json, (i: number) => unknown]>> = {
  "8 fields": [record("Eight", EIGHT), eight],
  "50 columns": [record("Wide", columns(50, false)), (i) => values(50, i)],
  "300 columns": [record("Wider", columns(300, false)), (i) => values(300, i)],
  "20 columns, nulls": [
    record("Nulls", columns(20, true)),
    (at) =>
      Object.fromEntries(
        columns(20, true).map(([name, type], i) => [
          name,
          random.next() < 0.6 ? null : { [(type as string[])[1]]: column(i, at) },
        ]),
      ),
  ],
  "nested": [
    record("Order", [
      ["id", "long"],
      ["note", ["null", "string"]],
      ["address", record("Address", [["street", "string"], ["city", "string"], ["zip", "int"]])],
      ["lines", {
        type: "array",
        items: record("Line", [["sku", "long"], ["count", "int"], ["sizes", { type: "array", items: "int" }]]),
      }],
      ["labels", { type: "map", values: "string" }],
      ["paid", ["null", "string", "long"]],
      ["price", { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 }],
    ]),
    (i) => ({
      id: BigInt(i),
      note: i % 3 ? { string: "leave it at the door" } : null,
      address: { street: `${i} Main Street`, city: "Berlin", zip: 10_000 + i },
      lines: [1, 2, 3].map((n) => ({ sku: BigInt(i * n), count: n, sizes: [n, -n] })),
      labels: { source: "web", campaign: `c${i % 10}` },
      paid: i % 2 ? { string: "visa" } : { long: BigInt(i) },
      price: Buffer.from([1, i & 255]),
    }),
  ],
  "long strings": [
    record("Text", [["id", "long"], ["text", "string"], ["umlauts", "string"]]),
    (i) => ({ id: BigInt(i), text: long, umlauts: long.replaceAll("e", "ë") }),
  ],
};

for (const [name, [schema, value]] of Object.entries(KINDS)) {
  if (!name.includes(Deno.args[0] ?? "")) continue;
  const type = oracle(schema);
  const text = JSON.stringify(schema);
  await benchRuns({
    name,
    format: { schemaType: "AVRO", hasMessageIndexes: false },
    decoder() {
      const rows = new Rows(parseSchema(text), { timestampNanos: "long" });
      return new Decoder(rows.type, rows);
    },
    payload: (i) => type.toBuffer(value(i)),
  });
}
