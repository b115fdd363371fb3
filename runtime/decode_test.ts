import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import {
  type Converter,
  DataError,
  type DecodedRows,
  rawKey,
  type RawRecords,
  rawValue,
  RetriableError,
  type SinkBatch,
  types,
} from "./api/mod.ts";
import { createDecodeStage, type DecodeOptions } from "./decode.ts";
import { batchOf, rowsOf } from "../tests/conformance/rows.ts";
import { slabOf, type SlabRecord } from "../tests/conformance/slab.ts";

const SCHEMAS = {
  a: new Schema([types.field("a", types.utf8())]),
  b: new Schema([types.field("b", types.utf8())]),
};

/** The first letter of a value (or key) is its schema, the rest is its one column; anything else is a reject. */
const lettersOf = (bytesOf: typeof rawValue): Converter => ({
  decode(records, indices, reject) {
    const runs: { schema: "a" | "b"; rows: number[]; texts: string[] }[] = [];
    for (const index of indices) {
      const text = new TextDecoder().decode(bytesOf(records, index)!);
      const schema = text[0];
      if (schema !== "a" && schema !== "b") {
        reject(index, new DataError(`Not a or b: ${text}`, { reason: "neither a nor b" }));
        continue;
      }
      if (runs.at(-1)?.schema !== schema) runs.push({ schema, rows: [], texts: [] });
      runs.at(-1)!.rows.push(index);
      runs.at(-1)!.texts.push(text.slice(1));
    }
    return Promise.resolve(runs.map(({ schema, rows, texts }): DecodedRows => ({
      data: batchOf(SCHEMAS[schema], texts.map((text) => ({ [schema]: text }))),
      rows: Int32Array.from(rows),
    })));
  },
});
const letters = lettersOf(rawValue);

function stageOf(overrides: Partial<DecodeOptions> = {}) {
  const rejects: [number, string, string][] = [];
  const stage = createDecodeStage({
    value: letters,
    key: null,
    tombstones: "dead-letter",
    reject: (_, index, error, at) => rejects.push([index, at, error.details.reason]),
    ...overrides,
  });
  return { stage, rejects };
}

/** Rows as text by offset; `-` is a tombstone. */
function seen(batches: readonly SinkBatch[]): [bigint, string][] {
  return batches.flatMap((batch) =>
    rowsOf(batch.data).map((row, i): [bigint, string] => [
      batch.offset(i),
      batch.isTombstone(i) ? "-" : Object.entries(row).flat().join(""),
    ])
  );
}

function assertChained(batches: readonly SinkBatch[], raw: RawRecords): void {
  let at = raw.from;
  for (const batch of batches) {
    assertEquals(batch.from, at);
    at = batch.to;
    assertStrictEquals(batch.data.numRows, batch.numRows);
    for (let row = 0; row < batch.numRows; row++) {
      assertEquals(batch.offset(row) >= batch.from && batch.offset(row) < batch.to, true);
    }
  }
  assertEquals(at, raw.to);
}

const anyRecords = fc.array(
  fc.record({
    value: fc.oneof(fc.constant(null), fc.constantFrom("a", "b", "x").chain((s) => fc.nat().map((n) => s + n))),
    gap: fc.nat({ max: 3 }),
  }),
  { maxLength: 40 },
).chain((all) => fc.tuple(fc.constant(all), fc.constantFrom("dead-letter", "skip", "keep"), fc.nat({ max: 5 })));

Deno.test("decode() covers every offset once, keeps the order, and treats each record once", async () => {
  await fc.assert(fc.asyncProperty(anyRecords, async ([all, tombstones, tail]) => {
    let offset = 100n;
    const records: (SlabRecord & { offset: bigint })[] = all.map(({ value, gap }) => {
      offset += BigInt(gap) + 1n;
      return { value, offset };
    });
    const raw = slabOf(records, { from: 100n, to: offset + 1n + BigInt(tail) });
    let skipped = 0;
    const { stage, rejects } = stageOf({ tombstones, onSkipped: (count) => skipped += count });
    const batches = await stage.decode(raw);
    assertEquals(batches.length > 0, true);
    assertChained(batches, raw);
    const good = records.filter(({ value }) => value === null ? tombstones === "keep" : !`${value}`.startsWith("x"));
    assertEquals(seen(batches), good.map(({ offset, value }) => [offset, value === null ? "-" : `${value}`]));
    const nulls = records.filter(({ value }) => value === null).length;
    assertEquals(skipped, tombstones === "skip" ? nulls : 0);
    assertEquals(
      rejects.map(([index, , reason]) => [index, reason]),
      records.flatMap(({ value }, i): [number, string][] =>
        value === null
          ? tombstones === "dead-letter" ? [[i, "tombstone"]] : []
          : `${value}`.startsWith("x")
          ? [[i, "neither a nor b"]]
          : []
      ),
    );
  }));
});

Deno.test("decode() gives a batch without rows for a slab without records", async () => {
  const batches = await stageOf().stage.decode(slabOf([], { from: 7n, to: 12n }));
  assertEquals(batches.map((batch) => [batch.from, batch.to, batch.numRows]), [[7n, 12n, 0]]);
});

Deno.test("decode() keeps tombstones in the columns of their neighbours, alone in none", async () => {
  const { stage } = stageOf({ tombstones: "keep" });
  const mixed = await stage.decode(slabOf([{ value: null }, { value: "a1" }, { value: null }, { value: "b2" }]));
  assertEquals(mixed.map((batch) => rowsOf(batch.data)), [[{ a: null }, { a: "1" }, { a: null }], [{ b: "2" }]]);
  assertStrictEquals(mixed[0].data.schema, SCHEMAS.a);
  const alone = await stage.decode(slabOf([{ value: null }, { value: null }]));
  assertEquals(alone.map((batch) => [batch.numRows, batch.data.numRows, batch.data.numCols]), [[2, 2, 0]]);
});

Deno.test("decode() sets aside a record with a bad key, once, also where its value is bad too", async () => {
  const { stage, rejects } = stageOf({
    key: {
      decode(records, indices, reject) {
        for (const index of indices) {
          if (records.bytes[records.keyStarts[index]] === 0x21) {
            reject(index, new DataError("!", { reason: "bad key" }));
          }
        }
        const good = indices.filter((index) => records.bytes[records.keyStarts[index]] !== 0x21);
        return lettersOf(rawKey).decode(records, good, reject);
      },
    },
  });
  const batches = await stage.decode(slabOf([
    { key: "!", value: "a1" },
    { key: "!", value: "x" },
    { key: "ak", value: "a3" },
    { key: null, value: "a4" },
    { key: "!", value: null },
  ]));
  assertEquals(seen(batches).map(([, text]) => text), ["a3", "a4"]);
  assertEquals(rejects, [
    [0, "KEY_CONVERTER", "bad key"],
    [1, "KEY_CONVERTER", "bad key"],
    [4, "KEY_CONVERTER", "bad key"],
  ]);
});

Deno.test("decode() reports nothing where it can be tried again", async () => {
  let away = true;
  const { stage, rejects } = stageOf({
    value: {
      decode(records, indices, reject) {
        if (!away) return letters.decode(records, indices, reject);
        reject(0, new DataError("x", { reason: "x" }));
        return Promise.reject(new RetriableError("registry away"));
      },
    },
  });
  const slab = slabOf([{ value: "x" }, { value: "a1" }]);
  await assertRejects(() => stage.decode(slab), RetriableError);
  assertEquals(rejects, []);
  away = false;
  assertEquals((await stage.decode(slab)).length, 1);
  assertEquals(rejects.length, 1);
});

Deno.test("decode() finds a converter that loses, repeats or reorders records", async () => {
  const raw = slabOf([{ value: "a1" }, { value: "a2" }]);
  for (const rows of [[0], [0, 0], [1, 0], [0, 1, 1]]) {
    const data = batchOf(SCHEMAS.a, rows.map(() => ({ a: "" })));
    const value: Converter = { decode: () => Promise.resolve([{ data, rows: Int32Array.from(rows) }]) };
    await assertRejects(() => stageOf({ value }).stage.decode(raw), Error, "The converter returned");
  }
});

Deno.test("wants() and learn() ask the converter", async () => {
  assertEquals(await stageOf().stage.wants(), 0);
  let learned = 0;
  const value: Converter = {
    ...letters,
    wants: () => Promise.resolve(5),
    learn: (sample) => Promise.resolve(void (learned += sample.length)),
  };
  const { stage } = stageOf({ value });
  assertEquals(await stage.wants(), 5);
  await stage.learn([slabOf([])]);
  assertEquals(learned, 1);
});

Deno.test("decode() puts decoded keys beside the rows, batches split where their schema changes", async () => {
  const text = fc.option(fc.constantFrom("a", "b", "x").chain((s) => fc.nat({ max: 9 }).map((n) => s + n)), {
    freq: 4,
  });
  const cases = fc.array(fc.record({ key: text, value: text }), { maxLength: 30 });
  await fc.assert(fc.asyncProperty(cases, async (records) => {
    const raw = slabOf(records);
    const { stage, rejects } = stageOf({ key: lettersOf(rawKey), tombstones: "keep" });
    const batches = await stage.decode(raw);
    assertChained(batches, raw);
    const isBad = (part: string | null) => part !== null && part.startsWith("x");
    const good = [...records.entries()].filter(([, { key, value }]) => !isBad(key) && !isBad(value));
    const keys = batches.flatMap((batch) =>
      Array.from({ length: batch.numRows }, (_, row): [bigint, string | null] => {
        const held = batch.keys && Object.entries(rowsOf(batch.keys)[row]).flat();
        return [batch.offset(row), held === null || (held[1] ?? null) === null ? null : held.join("")];
      })
    );
    assertEquals(keys, good.map(([i, { key }]) => [BigInt(i), key]));
    assertEquals(seen(batches), good.map(([i, { value }]) => [BigInt(i), value ?? "-"]));
    assertEquals(rejects.map(([index]) => index), [...records.keys()].filter((i) => !good.some(([g]) => g === i)));
  }));
});

Deno.test("decode() gives keys of null where there are none and their schema is known beforehand", async () => {
  const { stage } = stageOf({ key: { ...lettersOf(rawKey), schema: SCHEMAS.b } });
  const [batch] = await stage.decode(slabOf([{ value: "a1" }, { value: "a2" }]));
  assertEquals(rowsOf(batch.keys!), [{ b: null }, { b: null }]);
});

Deno.test("decode() learns keys once, so that a topic without keys does not wait for ever", async () => {
  let learned = 0;
  const key: Converter = { ...letters, wants: () => Promise.resolve(9), learn: () => Promise.resolve(void learned++) };
  const { stage } = stageOf({ key });
  assertEquals(await stage.wants(), 9);
  await stage.learn([slabOf([{ value: "a1" }])]);
  await stage.learn([slabOf([{ value: "a1" }])]);
  assertEquals([await stage.wants(), learned], [0, 1]);
});

Deno.test("decode() holds columns at the paths of columns.json as JSON text", async () => {
  const { stage } = stageOf({ jsonPaths: new Set(["a"]) });
  const batches = await stage.decode(slabOf([{ value: 'a"x' }, { value: "b2" }]));
  assertEquals(batches.map((batch) => rowsOf(batch.data)), [[{ a: '"\\"x"' }], [{ b: "2" }]]);
});
