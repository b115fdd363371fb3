import { Decoder, Rows } from "./decoder.ts";
import { parseSchema } from "./schema.ts";
import { oracle, Random } from "./test_support.ts";

const SCHEMA = {
  type: "record",
  name: "Event",
  fields: [
    { name: "id", type: "long" },
    { name: "name", type: "string" },
    { name: "ts", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "amount", type: "double" },
    { name: "city", type: "string" },
    { name: "device", type: "string" },
    { name: "active", type: "boolean" },
    { name: "score", type: "double" },
  ],
};
const COUNT = 10_000;

const type = oracle(SCHEMA);
const random = new Random(1);
const payloads = Array.from({ length: COUNT }, (_, i) =>
  type.toBuffer({
    id: BigInt(i) * 1_000_003n,
    name: `customer-${i}-of-many`,
    ts: 1_767_225_600_000n + BigInt(i),
    amount: random.next() * 1000,
    city: random.pick(["Wien", "Berlin", "São Paulo"]),
    device: `device-0123456789abcdef-${i % 100}-of-a-hundred`,
    active: i % 2 === 0,
    score: random.next(),
  }));
const slab = new Uint8Array(payloads.reduce((sum, payload) => sum + payload.length, 0));
const ends = new Int32Array(COUNT);
payloads.reduce((at, payload, i) => (slab.set(payload, at), ends[i] = at + payload.length), 0);

const rows = new Rows(parseSchema(JSON.stringify(SCHEMA)), { timestampNanos: "long" });
const decoder = new Decoder(rows.type, rows);

Deno.bench("Decoder, 10,000 records of 8 flat fields", () => {
  for (let i = 0, at = 0; i < COUNT; at = ends[i++]) {
    if (decoder.append(slab, at, ends[i]) !== null) throw new Error("a record was rejected");
  }
  rows.finish();
});
