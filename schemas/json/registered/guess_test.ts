import { assert, assertEquals } from "@std/assert";
import { decode } from "../test_support.ts";
import { Chance, mutated } from "../topics_fixture.ts";
import { converter, type Json } from "./test_support.ts";

const TEXT = new TextDecoder();
const text: Json = { type: "string" }, integer: Json = { type: "integer" };

const SCHEMA: Json = {
  type: "object",
  properties: {
    id: integer,
    at: { type: "string", format: "date-time" },
    name: { type: ["string", "null"] },
    place: { type: "object", properties: { city: text, zip: text }, required: ["city"], additionalProperties: false },
    tags: { type: "array", items: text },
    either: { oneOf: [text, { type: "number" }] },
  },
  required: ["id"],
};

/** What a converter does with a record that it has never seen the like of: the complete parser alone. */
async function completely(record: string | Uint8Array, given: Record<string, unknown>, schema: Json) {
  const { rows, rejects } = await decode(converter(schema, given), [record]);
  return { row: rows[0], error: rejects.get(0)?.message };
}

for (const [additional, isDeclared] of [["json", false], ["map", true], ["reject", false]] as const) {
  const name = `json.additional.properties = ${additional}`;
  Deno.test(`json-schema reads records after many as it reads the first one, ${name}`, async () => {
    const chance = new Chance(additional.length);
    const schema = { ...SCHEMA as object, ...(isDeclared ? { additionalProperties: integer } : {}) } as Json;
    const given = { "json.additional.properties": additional };
    const records = Array.from({ length: 60 }, (_, i) => {
      const record = JSON.stringify({
        id: i,
        at: "2024-01-31T12:00:00Z",
        name: i % 7 === 0 ? null : `n${i}`,
        ...(i % 5 === 0 ? {} : { place: { city: "Köln", ...(i % 3 ? { zip: "1" } : {}) } }),
        ...(i % 11 === 0 ? { other: i } : {}),
        tags: ["a", "b"].slice(i % 3),
        either: i % 2 ? i : "x",
      });
      return i > 30 && chance.is(0.4) ? mutated(record, chance) : record;
    });
    // An undeclared member makes a column of it appear in the whole slab.
    const read = converter(schema, given);
    let accepted = 0;
    await decode(read, records.slice(0, 30));
    for (const record of records) {
      const { rows, rejects } = await decode(read, [record]);
      const expected = await completely(record, given, schema);
      const where = typeof record === "string" ? record : TEXT.decode(record);
      assertEquals(rejects.get(0)?.message, expected.error, where);
      assertEquals(rows[0], expected.row, where);
      if (rows.length > 0) accepted++;
    }
    assert(accepted > 30, `${accepted} accepted`);
  });
}
