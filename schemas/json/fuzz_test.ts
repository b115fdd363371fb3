import { type DataType, type Field, Schema } from "apache-arrow";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { types } from "../../mod.ts";
import { allOf, collectRejects, slabOf } from "../testing.ts";
import { converter, decode } from "./test_support.ts";

const { field } = types;
const BYTES = new TextEncoder();
const STRICT = new TextDecoder("utf-8", { fatal: true });

/** A type and values of it, as JSON texts with what a row-wise reader expects of them. */
interface Sample {
  readonly type: DataType;
  readonly value: fc.Arbitrary<{ text: string; value: unknown }>;
}

const scalars: fc.Arbitrary<Sample> = fc.constantFrom<Sample>(
  {
    type: types.int64(),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((v) => ({ text: `${v}`, value: v })),
  },
  { type: types.int32(), value: fc.integer().map((v) => ({ text: `${v}`, value: v })) },
  {
    type: types.float64(),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((v) => ({
      text: JSON.stringify(v),
      value: v === 0 ? 0 : v,
    })),
  },
  { type: types.boolean(), value: fc.boolean().map((v) => ({ text: `${v}`, value: v })) },
  { type: types.utf8(), value: fc.string({ unit: "grapheme" }).map((v) => ({ text: JSON.stringify(v), value: v })) },
  {
    type: types.utf8(),
    value: fc.string({ unit: "binary" }).map((v) => ({
      text: `"${v.replace(/[^]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"))}"`,
      value: v,
    })),
  },
);

function samples(depth: number): fc.Arbitrary<Sample> {
  if (depth === 0) return scalars;
  const inner = samples(depth - 1);
  const lists = inner.map(({ type, value }): Sample => ({
    type: types.list(type),
    value: fc.array(nullable(value), { maxLength: 3 }).map((all) => ({
      text: `[${all.map(({ text }) => text).join(" ,")}]`,
      value: all.map(({ value }) => value),
    })),
  }));
  return fc.oneof({ weight: 3, arbitrary: scalars }, lists, structs(inner));
}

function structs(inner: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> {
  const member = fc.tuple(fc.stringMatching(/^[a-z"\\ü]{1,3}$/), inner);
  return fc.uniqueArray(member, { selector: ([name]) => name, minLength: 1, maxLength: 4 }).map((members): Sample => ({
    type: types.struct(members.map(([name, { type }]) => field(name, type))),
    value: fc.tuple(
      fc.tuple(...members.map(([, { value }]) => fc.option(nullable(value), { freq: 6 }))),
      fc.shuffledSubarray(members.map((_, i) => i), { minLength: members.length }),
    ).map(([values, order]) => ({
      text: `{ ${
        order.filter((i) => values[i] !== null).map((i) => `${JSON.stringify(members[i][0])} :${values[i]!.text}`).join(
          ",\n",
        )
      }}`,
      value: Object.fromEntries(members.map(([name], i) => [name, values[i]?.value ?? null])),
    })),
  }));
}

function nullable<T>(value: fc.Arbitrary<{ text: string; value: T }>): fc.Arbitrary<{ text: string; value: T | null }> {
  return fc.oneof({ weight: 5, arbitrary: value }, {
    weight: 1,
    arbitrary: fc.constant({ text: "null", value: null }),
  });
}

Deno.test("json agrees with a row-wise reference on generated schemas and values", async () => {
  const slabs = structs(samples(2)).chain(({ type, value }) =>
    fc.tuple(fc.constant(type), fc.array(value, { maxLength: 8 }))
  );
  await fc.assert(
    fc.asyncProperty(slabs, async ([type, values]) => {
      for (const { text } of values) JSON.parse(text);
      const { rows, rejects } = await decode(
        converter(new Schema(type.children as Field[])),
        values.map((v) => v.text),
      );
      assertEquals(rejects.size, 0);
      assertEquals(rows, values.map((v) => v.value));
    }),
    { seed: 7, numRuns: 400 },
  );
});

Deno.test("json infers and decodes any objects without losing a leaf", async () => {
  const object = fc.dictionary(fc.stringMatching(/^[a-z]{1,2}$/), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(object, { minLength: 1, maxLength: 5 }), fc.boolean(), async (objects, unknown) => {
      const texts = objects.map((each) => JSON.stringify(each));
      const json = converter(unknown ? new Schema([field("zzz", types.int64())]) : () => null);
      const { rows, rejects } = await decode(json, texts);
      // What is rejected differs only by case, or is not UTF-8.
      const kept = texts.filter((_, i) => !rejects.has(i)).map((text) => JSON.parse(text));
      for (const error of rejects.values()) {
        assert(["field names differ only by case", "malformed json"].includes(error.details.reason), error.message);
      }
      kept.forEach((each, i) => assertHolds(rows[i], each));
    }),
    { seed: 11, numRuns: 400 },
  );
});

/** The decoded value holds what the JSON value holds: strings in place of mixed kinds, nothing for empty values. */
function assertHolds(decoded: unknown, value: unknown): void {
  if (value === null) return assert(decoded === null || decoded === undefined || decoded === "null", `${decoded}`);
  if (typeof decoded === "string" && typeof value !== "string") {
    return assertEquals(plainJson(JSON.parse(decoded)), plainJson(value));
  }
  if (Array.isArray(value)) {
    if (decoded === null || decoded === undefined) return assert(!hasContent(value));
    return value.forEach((each, i) => assertHolds((decoded as unknown[])[i], each));
  }
  if (typeof value === "object") {
    if (decoded === null || decoded === undefined) return assert(!hasContent(value));
    return Object.entries(value).forEach(([name, each]) =>
      assertHolds((decoded as Record<string, unknown>)[name], each)
    );
  }
  assertEquals(typeof value === "number" ? Number(decoded) : decoded, value === 0 ? 0 : value);
}

function plainJson(value: unknown): string {
  return JSON.stringify(value);
}

function hasContent(value: unknown): boolean {
  return typeof value === "object" ? value !== null && Object.values(value).some(hasContent) : true;
}

/** A small deterministic generator (mulberry32). */
function generator(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const SEEDS = [
  '{"id":123,"name":"user-123","ts":1700000000000,"amount":12.34,"nested":{"a":[1,2,{"b":"x"}],"c":null},"active":true}',
  '{"id":-9223372036854775808,"name":"gr\\u00fcn \\ud83d\\ude80 \\n","nested":{"a":[],"new":[{"k":1e5}]},"active":false}',
  '  { "amount" : 0.1234567890123456789e-3 , "id" : 9007199254740993, "name" : "ü🚀", "unknown" : {"x":[true,"y"]} }  ',
];
const INSERTS = [
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ":",
  ",",
  "\\u12",
  "\\ud800",
  "null",
  "1e9",
  "-",
  ".",
  "0",
  "\u0000",
  "true",
  "é",
  " ",
];

Deno.test("json survives 100,000 mutated payloads between good rows and agrees with JSON.parse on what is JSON", async () => {
  const next = generator(42);
  const seeds = SEEDS.map((text) => BYTES.encode(text));
  const schema = new Schema([
    field("id", types.int64()),
    field("name", types.utf8()),
    field("amount", types.float64()),
    field("nested", types.struct([field("a", types.utf8()), field("c", types.int32())])),
    field("active", types.boolean()),
  ]);
  const json = converter(schema);
  let accepted = 0;
  for (let slab = 0; slab < 100; slab++) {
    const values: Uint8Array[] = [];
    for (let i = 0; i < 1000; i++) {
      values.push(mutated(seeds[next(seeds.length)], next), BYTES.encode(`{"id":${i},"name":"n${i}"}`));
    }
    const raw = slabOf(values);
    const { rejects, reject } = collectRejects();
    const [run] = await json.decode(raw, allOf(raw), reject);
    const [ids, names, amounts] = ["id", "name", "amount"].map((name) => run.data.getChild(name)!);
    assertEquals(run.rows.length + rejects.size, values.length);
    run.rows.forEach((index, row) => {
      const id = ids.get(row), name = names.get(row);
      assert(!rejects.has(index));
      if (index % 2 === 1) {
        const i = (index - 1) / 2;
        assert(id === BigInt(i) && name === `n${i}`, `neighbour ${index} of slab ${slab} is damaged`);
        return;
      }
      accepted++;
      const parsed = JSON.parse(STRICT.decode(values[index] as Uint8Array<ArrayBuffer>));
      if (typeof parsed.name === "string") assertEquals(name, parsed.name);
      if (typeof parsed.amount === "number") assertEquals(amounts.get(row), parsed.amount);
    });
    for (const [index, error] of rejects) {
      assert(index % 2 === 0, `a good row is rejected: ${error.message}`);
      assert(error.details.bytePosition === undefined || error.details.bytePosition <= values[index].length);
      // Half a surrogate pair is JSON that UTF-8 cannot hold.
      const malformed = error.details.reason === "malformed json" && !error.message.includes("half a surrogate pair");
      if (malformed) assert(!isJson(values[index]), error.message);
    }
  }
  assert(accepted > 10_000, `only ${accepted} were accepted`);
});

function isJson(bytes: Uint8Array): boolean {
  try {
    return JSON.parse(STRICT.decode(bytes as Uint8Array<ArrayBuffer>)) !== undefined;
  } catch {
    return false;
  }
}

function mutated(seed: Uint8Array, next: (below: number) => number): Uint8Array {
  let bytes = [...seed];
  for (let times = next(3); times >= 0; times--) {
    const at = next(bytes.length + 1);
    switch (next(6)) {
      case 0:
        bytes[Math.min(at, bytes.length - 1)] = next(256);
        break;
      case 1:
        bytes.splice(at, next(4));
        break;
      case 2:
        bytes.splice(at, 0, ...BYTES.encode(INSERTS[next(INSERTS.length)]));
        break;
      case 3:
        bytes = next(4) === 0 ? bytes.slice(0, at) : bytes;
        break;
      case 4:
        bytes.splice(at, 0, ...bytes.slice(next(bytes.length + 1), next(bytes.length + 1)));
        break;
      default: {
        const digit = bytes.findIndex((byte, i) => i >= at && byte >= 0x30 && byte <= 0x39);
        if (digit >= 0) bytes[digit] = 0x30 + next(10);
      }
    }
    if (bytes.length === 0) break;
  }
  return Uint8Array.from(bytes);
}
