import { allOf, slabOf } from "../../testing.ts";
import { converter } from "./test_support.ts";

const RECORDS = 10_000;

const text = { type: "string" }, number = { type: "number" }, integer = { type: "integer" };
const schema = {
  type: "object",
  properties: {
    ...{ id: integer, name: text, ts: integer, amount: number, city: text, device: text },
    active: { type: "boolean" },
    score: { type: "number", minimum: 0 },
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

for (const validates of [true, false]) {
  const json = converter(schema, { "json.fail.invalid.schema": validates });
  const size = Math.round(slab.bytes.length / RECORDS);
  Deno.bench(`json-schema decode, ${RECORDS} records of ${size} bytes, validated: ${validates}`, async () => {
    await json.decode(slab, indices, (_, error) => {
      throw error;
    });
  });
}
