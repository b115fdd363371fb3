import { assert, assertEquals } from "@std/assert";
import { DataError } from "../../mod.ts";
import { mutate } from "../runs_test_support.ts";
import { Decoder, Rows } from "./decoder.ts";
import { parseSchema } from "./schema.ts";
import { batchRows, type Json, oracle, Random, randomValue, Schemas } from "./test_support.ts";

const MUTATIONS = 100_000;
const BATCH = 500;

const FIXED_SCHEMAS: Json[] = [
  {
    type: "record",
    name: "Order",
    fields: [
      { name: "id", type: "long" },
      { name: "note", type: ["null", "string"] },
      { name: "price", type: { type: "bytes", logicalType: "decimal", precision: 9, scale: 2 } },
      { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
      { name: "lines", type: { type: "array", items: { type: "map", values: ["null", "double", "string"] } } },
    ],
  },
  { type: "record", name: "Empty", fields: [] },
  {
    type: "record",
    name: "Free",
    fields: [{ name: "items", type: { type: "array", items: { type: "record", name: "Nothing", fields: [] } } }],
  },
];

Deno.test("Decoder takes 100,000 mutated payloads whole or not at all, and leaves good rows intact", () => {
  const random = new Random(7);
  const schemas = [...FIXED_SCHEMAS, ...Array.from({ length: 9 }, () => new Schemas(random).record(3))];
  const cases = schemas.map((schema) => {
    const writer = parseSchema(JSON.stringify(schema));
    const rows = () => new Rows(writer, { timestampNanos: "long" });
    return { schema, type: oracle(schema), decoder: new Decoder(writer, rows()), alone: new Decoder(writer, rows()) };
  });
  let rejected = 0;
  for (let done = 0; done < MUTATIONS; done += BATCH) {
    const { schema, type, decoder, alone } = random.pick(cases);
    const good: number[] = [];
    for (let i = 0; i < BATCH; i++) {
      const payload = Uint8Array.from(type.toBuffer(randomValue(schema, random)));
      const bad = mutate(payload, random);
      // Behind the payload stand bytes that must not be read.
      const padded = Uint8Array.from([...bad, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      const before = decoder.rows.length;
      const error = decoder.append(padded, 0, bad.length);
      assertEquals(decoder.rows.length, before + (error ? 0 : 1));
      if (error) {
        assert(error instanceof DataError);
        const { bytePosition, reason } = error.details;
        assert(bytePosition! >= 0 && bytePosition! <= bad.length, `${reason} at ${bytePosition} of ${bad.length}`);
        rejected++;
      }
      if (i % 25 > 0) continue;
      good.push(decoder.rows.length);
      assertEquals(decoder.append(payload, 0, payload.length), null);
      assertEquals(alone.append(payload, 0, payload.length), null);
    }
    const out = batchRows(decoder.rows.finish());
    assertEquals(good.map((row) => out[row]), batchRows(alone.rows.finish()));
  }
  assert(rejected > MUTATIONS / 4, `${rejected} were rejected`);
});
