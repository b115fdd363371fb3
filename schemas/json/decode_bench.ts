import { Schema } from "apache-arrow";
import { types } from "../../mod.ts";
import { allOf, slabOf } from "../testing.ts";
import { converter } from "./test_support.ts";

const { field } = types;
const RECORDS = 10_000;

const schema = new Schema([
  field("id", types.int64()),
  field("name", types.utf8()),
  field("ts", types.int64()),
  field("amount", types.float64()),
  field("city", types.utf8()),
  field("device", types.utf8()),
  field("active", types.boolean()),
  field("score", types.float64()),
]);
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
const json = converter(schema);

Deno.bench(`json decode, ${RECORDS} records of ${Math.round(slab.bytes.length / RECORDS)} bytes`, async () => {
  await json.decode(slab, indices, (_, error) => {
    throw error;
  });
});
