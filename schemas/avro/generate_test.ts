import { assert, assertEquals } from "@std/assert";
import { type Data, Type } from "apache-arrow";
import fc from "fast-check";
import { Decoder, Rows } from "./decoder.ts";
import { parseSchema } from "./schema.ts";
import { evolved, type Json, mutate, oracle, Random, randomValue, Schemas } from "./test_support.ts";

/** Records in a slab: their payloads, and what lies between and behind them belongs to nobody. */
function slabOf(payloads: readonly Uint8Array[], random: Random) {
  const gaps = payloads.map(() => random.bytes(random.below(4)));
  const parts = payloads.flatMap((payload, i) => [gaps[i], payload]).concat(random.bytes(random.below(200)));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  const starts = new Int32Array(payloads.length), ends = new Int32Array(payloads.length);
  let at = 0;
  parts.forEach((part, i) => {
    bytes.set(part, at);
    if (i % 2 === 1) starts[i >> 1] = at;
    at += part.length;
    if (i % 2 === 1) ends[i >> 1] = at;
  });
  return { bytes, starts, ends };
}

/** As runs of records are decoded: code as far as it goes, then a record by steps. */
function decode(decoder: Decoder, { bytes, starts, ends }: ReturnType<typeof slabOf>, isReference: boolean) {
  const indices = Int32Array.from(starts.keys());
  const errors: string[] = [];
  let byCode = 0;
  for (let at = 0; at < indices.length; at++) {
    const stop = isReference ? at : decoder.appendRun(bytes, { indices, starts, ends }, at, indices.length);
    byCode += stop - at;
    at = stop;
    if (at === indices.length) break;
    const error = decoder.append(bytes, starts[at], ends[at], starts[at] - 5);
    if (error) errors.push(`${at}: ${error.message} ${JSON.stringify(error.details)}`);
  }
  return { errors, byCode };
}

/** All that a column holds, what lies below nulls too. */
function contents(data: Data): unknown {
  const { length, nullCount, type } = data;
  const values = type.typeId === Type.Bool
    ? Array.from({ length }, (_, i) => data.values[i >> 3] >> (i & 7) & 1)
    : data.values;
  const nulls = nullCount === 0 ? null : Array.from({ length }, (_, i) => data.nullBitmap[i >> 3] >> (i & 7) & 1);
  return { length, nullCount, values, nulls, offsets: data.valueOffsets, children: data.children.map(contents) };
}

/** Decodes twice, with code and without, in two batches. */
function compare(writer: Json, reader: Json, slabs: readonly ReturnType<typeof slabOf>[]): { byCode: number } {
  const [code, steps] = [0, 1].map(() => {
    const rows = new Rows(parseSchema(JSON.stringify(reader)), { timestampNanos: "truncate" });
    return new Decoder(writer === reader ? rows.type : parseSchema(JSON.stringify(writer)), rows);
  });
  let byCode = 0;
  for (const slab of slabs) {
    const run = decode(code, slab, false);
    byCode += run.byCode;
    assertEquals(run.errors, decode(steps, slab, true).errors);
    assertEquals(code.rows.length, steps.rows.length);
    if (slab.starts.length % 2 === 0) continue;
    assertEquals(contents(code.rows.finish().data), contents(steps.rows.finish().data));
  }
  assertEquals(contents(code.rows.finish().data), contents(steps.rows.finish().data));
  return { byCode };
}

function payloadsOf(schema: Json, random: Random): Uint8Array[] {
  const type = oracle(schema);
  return Array.from({ length: 1 + random.below(30) }, () => type.toBuffer(randomValue(schema, random)));
}

Deno.test("generate() reads what steps read, with the same columns, for random schemas and evolved readers", () => {
  let byCode = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const writer = new Schemas(random).record(3);
      const reader = random.next() < 0.5 ? writer : evolved(writer, random);
      const slabs = Array.from({ length: 3 }, () => slabOf(payloadsOf(writer, random), random));
      byCode += compare(writer, reader, slabs).byCode;
    }),
    { numRuns: 200, seed: 31 },
  );
  assert(byCode > 5_000, `${byCode} were read by code`);
});

Deno.test("generate() leaves mutated payloads to the steps: the same errors, the same columns", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const writer = new Schemas(random).record(3);
      const reader = random.next() < 0.5 ? writer : evolved(writer, random);
      const slabs = Array.from({ length: 4 }, () => {
        const payloads = payloadsOf(writer, random);
        return slabOf(payloads.map((payload) => random.next() < 0.5 ? mutate(payload, random) : payload), random);
      });
      compare(writer, reader, slabs);
    }),
    { numRuns: 300, seed: 32 },
  );
});
