import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { compareRuns, mutate, runOf } from "../runs_test_support.ts";
import { Decoder, Rows } from "./decoder.ts";
import { parseSchema } from "./schema.ts";
import { evolved, type Json, oracle, Random, randomValue, Schemas, unhex } from "./test_support.ts";

function makerOf(writer: Json, reader: Json): () => Decoder {
  return () => {
    const rows = new Rows(parseSchema(JSON.stringify(reader)), { timestampNanos: "truncate" });
    return new Decoder(writer === reader ? rows.type : parseSchema(JSON.stringify(writer)), rows);
  };
}

function payloadsOf(schema: Json, random: Random, count = 1 + random.below(30)): Uint8Array[] {
  const type = oracle(schema);
  return Array.from({ length: count }, () => type.toBuffer(randomValue(schema, random)));
}

Deno.test("generate() reads what steps read, with the same columns, for random schemas and evolved readers", () => {
  let [byCode, left] = [0, 0];
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const writer = new Schemas(random).record(3);
      const reader = random.next() < 0.5 ? writer : evolved(writer, random);
      const slabs = Array.from({ length: 3 }, () => runOf(payloadsOf(writer, random), random));
      const run = compareRuns(makerOf(writer, reader), slabs);
      byCode += run.byCode;
      left += run.left;
    }),
    { numRuns: 200, seed: 31 },
  );
  // Decimals that are longer than they have to be.
  assert(byCode > 5_000 && left < byCode / 20, `${byCode} were read by code, ${left} left`);
});

Deno.test("generate() leaves mutated payloads to the steps: the same errors, the same columns", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const writer = new Schemas(random).record(3);
      const reader = random.next() < 0.5 ? writer : evolved(writer, random);
      const slabs = Array.from({ length: 4 }, () => {
        const payloads = payloadsOf(writer, random);
        return runOf(payloads.map((payload) => random.next() < 0.5 ? mutate(payload, random) : payload), random);
      });
      compareRuns(makerOf(writer, reader), slabs);
    }),
    { numRuns: 300, seed: 32 },
  );
});

Deno.test("generate() reads blocks with and without their size, and leaves those of another size", () => {
  const schema: Json = {
    type: "record",
    name: "R",
    fields: [
      { name: "list", type: { type: "array", items: "int" } },
      { name: "map", type: { type: "map", values: "long" } },
    ],
  };
  const lists = [
    "00",
    "02 04 01 02 06 00",
    "03 04 02 04 02 06 00",
    "01 06 02 00",
    "03 02 02 04 00",
    "fd ff ff ff ff 0f 02",
  ];
  const maps = ["00", "01 06 02 61 0a 00", "01 08 02 61 0a 00", "01 04 02 61 0a 00", "02 02 61 0a 01 06 02 62 02 00"];
  const payloads = lists.flatMap((list) => maps.map((map) => unhex(list + map)));
  const random = new Random(1);
  for (let i = 0; i < 20; i++) compareRuns(makerOf(schema, schema), [runOf(payloads, random), runOf(payloads, random)]);
});

Deno.test("generate() reads nothing behind a slab that ends with its last payload, whole or cut", () => {
  const schema: Json = {
    type: "record",
    name: "R",
    fields: ["long", "double", "float", "string", "boolean"].map((type, i) => ({ name: `f${i}`, type })),
  };
  const random = new Random(3);
  for (const payload of payloadsOf(schema, random, 20)) {
    for (let end = 0; end <= payload.length; end++) {
      const bytes = payload.slice(0, end);
      const slab = { bytes, indices: Int32Array.of(0), starts: Int32Array.of(0), ends: Int32Array.of(end) };
      compareRuns(makerOf(schema, schema), [slab]);
    }
  }
});

Deno.test("generate() splits what is wide: 300 columns, of records in lists too", () => {
  const random = new Random(5);
  const fields = Array.from({ length: 300 }, (_, i) => ({
    name: `f${i}`,
    type: random.pick<Json>(["long", "string", "double", ["null", "long"], ["null", "string"], "boolean"]),
  }));
  const wide = { type: "record", name: "Wide", fields };
  const lists: Json = {
    type: "record",
    name: "Lists",
    fields: [{ name: "id", type: "long" }, { name: "wide", type: { type: "array", items: wide } }],
  };
  for (const schema of [wide, lists]) {
    const payloads = payloadsOf(schema, random, 40);
    const mixed = payloads.map((payload) => random.next() < 0.3 ? mutate(payload, random) : payload);
    const { byCode } = compareRuns(makerOf(schema, schema), [runOf(payloads, random), runOf(mixed, random)]);
    assert(byCode > 39, `${byCode} were read by code`);
  }
});

Deno.test("generate() writes nulls of large records, those within each other and in lists, and leaves what is huge", () => {
  const random = new Random(9);
  const large = (name: string, count: number, ...more: Json[]): Json => ({
    type: "record",
    name,
    fields: [...Array.from({ length: count }, (): Json => random.pick(["long", ["null", "string"]])), ...more].map(
      (type, i) => ({ name: `f${i}`, type }),
    ),
  });
  const inner = large("Inner", 20);
  const outer = large("Outer", 20, ["null", inner], { type: "array", items: ["null", large("Item", 20)] });
  const schema = large("R", 2, ["null", outer], ["null", "long", large("Other", 30)]);
  const payloads = payloadsOf(schema, random, 60);
  const mixed = payloads.map((payload) => random.next() < 0.3 ? mutate(payload, random) : payload);
  const { byCode } = compareRuns(makerOf(schema, schema), [runOf(payloads, random), runOf(mixed, random)]);
  assert(byCode > 80, `${byCode} were read by code`);
  const huge = large("Huge", 5_000);
  assertEquals(compareRuns(makerOf(huge, huge), [runOf(payloadsOf(huge, random, 2), random)]).byCode, 0);
});

Deno.test("generate() takes no name into its source", () => {
  const odd = "constructor";
  const schema: Json = { type: "record", name: "a.R", fields: [{ name: odd, type: "string" }] };
  const random = new Random(1);
  assertEquals(compareRuns(makerOf(schema, schema), [runOf(payloadsOf(schema, random, 9), random)]).left, 0);
});
