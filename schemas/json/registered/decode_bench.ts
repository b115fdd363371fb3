import { allOf, slabOf } from "../../testing.ts";
import { converter, type Json } from "./test_support.ts";

const RECORDS = 10_000;

const text = { type: "string" }, number = { type: "number" }, integer = { type: "integer" };
const types = {
  type: "object",
  properties: {
    ...{ id: integer, name: text, ts: integer, amount: number, city: text, device: text },
    active: { type: "boolean" },
    score: number,
  },
  required: ["id"],
};
const slab = slabOf(Array.from({ length: RECORDS }, (_, i) =>
  JSON.stringify({
    id: i,
    name: `user-${i}`,
    ts: 1_700_000_000_000 + i,
    amount: i % 1000 + 0.34,
    city: "Berlin",
    device: "ios",
    active: i % 2 === 0,
    score: Math.abs(Math.sin(i)),
  })));
const indices = allOf(slab);

const size = Math.round(slab.bytes.length / RECORDS);
const cases: Readonly<Record<string, readonly [Json, boolean]>> = {
  "validated by its readers": [types, true],
  "validated by the library": [{ ...types, minProperties: 1 }, true],
  "not validated": [types, false],
};
for (const [how, [schema, validates]] of Object.entries(cases)) {
  const json = converter(schema, { "json.fail.invalid.schema": validates });
  Deno.bench(`json-schema decode, ${RECORDS} records of ${size} bytes, ${how}`, async () => {
    await json.decode(slab, indices, (_, error) => {
      throw error;
    });
  });
}
