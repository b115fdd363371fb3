import { type Data, type DataType, type Field, Struct, Type } from "apache-arrow";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DataError, type DecodedRows, types } from "../../mod.ts";
import { allOf, collectRejects, slabOf } from "../testing.ts";
import { Decoder } from "./decoder.ts";
import { Guesser } from "./guesser.ts";
import { readOrNull, StructReader } from "./nested_readers.ts";
import { Scanner } from "./scanner.ts";
import { Chance, mutated, topicOf } from "./topics_fixture.ts";

const { field } = types;
const OPTIONS = { truncateNanos: false };

Deno.test("Decoder reads random topics as it does without guessing: rows, columns and errors", () => {
  let rows = 0, rejected = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const chance = new Chance(seed);
    const { schema, records } = topicOf(chance);
    const decoders = [new Decoder(schema, OPTIONS, false), new Decoder(schema, OPTIONS)];
    for (let slab = 0; slab < 4; slab++) {
      const values = Array.from({ length: 100 }, () => {
        const record = records();
        return chance.is(slab === 3 ? 0.5 : 0.02) ? mutated(record, chance) : record;
      });
      const [expected, found] = decoders.map((decoder) => decoded(decoder, values));
      const where = `seed ${seed}, slab ${slab}`;
      assertEquals(found.rejects, expected.rejects, where);
      assertEquals(found.run?.rows, expected.run?.rows, where);
      assertEquals(found.run?.data.schema.fields.map(String), expected.run?.data.schema.fields.map(String), where);
      found.run?.data.data.children.forEach((data, i) => assertSame(data, expected.run!.data.data.children[i], where));
      rows += found.run?.rows.length ?? 0;
      rejected += found.rejects.length;
    }
  }
  assert(rows > 15_000 && rejected > 2_000, `${rows} rows and ${rejected} rejects show little`);
});

Deno.test("Guesser.read() guesses records with other members missing, null or nested, and every white space", () => {
  const schema = [
    field("a", types.int64()),
    field("b", types.utf8()),
    field("c", types.struct([field("d", types.float64()), field("e", types.boolean())])),
    field("f", types.list(types.struct([field("g", types.int32())]))),
  ];
  for (const space of [0, 2]) {
    const texts = Array.from({ length: 400 }, (_, i) => {
      const value = {
        a: i % 7 === 0 ? undefined : i,
        b: i % 5 === 0 ? null : `tëxt "${i}"`,
        c: i % 3 === 0 ? undefined : i % 11 === 0 ? null : { d: i % 2 ? i / 7 : undefined, e: i % 4 === 0 },
        f: i % 13 === 0 ? undefined : [{ g: i }, {}],
      };
      return JSON.stringify(value, null, space);
    });
    assertGuessed(schema, texts, 0.9);
  }
  assertGuessed(schema, Array.from({ length: 400 }, (_, i) => `{"b": "${i}", "a": ${i}}\n`), 0.98);
});

Deno.test("Guesser.read() keeps a few orders of members at once", () => {
  const orders = ["abcd", "dcba", "bdac"];
  const texts = Array.from(
    { length: 600 },
    (_, i) => JSON.stringify(Object.fromEntries([...orders[(i * 7 + (i >> 3)) % 3]].map((name) => [name, i]))),
  );
  assertGuessed([..."abcd"].map((name) => field(name, types.int64())), texts, 0.95);
});

Deno.test("Guesser.read() rests where every record has an order of its own, and learns again later", () => {
  const fields = [..."abcdefgh"].map((name) => field(name, types.int64()));
  const chance = new Chance(3);
  const random = Array.from({ length: 2_000 }, (_, i) => {
    const names = chance.shuffled([..."abcdefgh"]);
    return JSON.stringify(Object.fromEntries(names.map((name) => [name, i])));
  });
  const { read, hits } = harness(fields);
  for (const text of random) read(text);
  const before = hits();
  assert(before < 100, `${before} guessed`);
  for (let i = 0; i < 10_000; i++) read(random[0]);
  assert(hits() - before > 5_000, `${hits() - before} guessed`);
});

Deno.test("Guesser.read() takes nothing that is almost what it guessed", () => {
  const inner = types.struct([field("a", types.int64()), field("b", types.utf8())]);
  const fields = [field("id", types.float64()), field("n", inner), field("l", types.list(inner))];
  const good = [
    '{"id":1,"n":{"a":1,"b":"x"},"l":[{"a":1}]}',
    '{"id":2,"n":{"a":1},"l":[{"a":1},{"b":"y"}]}',
    '{"n":{}}',
  ];
  const bad = [
    ...['{"id":1,"n":{"a":1,}', '{"id":1,"n":{"a":1,}}', '{"id":1,"n":{"a":1}"l":[]}', '{"id":1,"n":{"a":1}', "{}}"],
    ...['{"id":1,"l":[{"a":1,}]}', '{"id":1,"l":[{"a":1},]}', '{"id":1,"l":[,{"a":1}]}', '{"id":1,"l":[{"a":1}}', "{"],
    ...[
      '{"id":01}',
      '{"id":1.}',
      '{"id":-}',
      '{"id":1e}',
      '{"id":1 2}',
      '{"id":1]',
      '{"n":{"a":1]}',
      '{"id":1},{"id":1}',
    ],
    ...['{"n":{"b":"x}}', '{"n":{"b":"\u0000"}}', '{"n":{"b":x"}}', '{"n":{"b":"x""a":1}}', '{"id":tru}', '{"l":[1}'],
  ];
  const { read, hits } = harness(fields);
  for (let i = 0; i < 30; i++) read(good[i % 3]);
  for (const text of bad) {
    const before = hits();
    assertThrows(() => read(text), DataError, undefined, text);
    assertEquals(hits(), before, text);
    read(good[0]);
    assertEquals(hits(), before + 1);
  }
});

Deno.test("Guesser.read() reads 1,000 columns", () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `column_${i}`);
  const texts = Array.from(
    { length: 50 },
    (_, i) => JSON.stringify(Object.fromEntries(names.filter((_, at) => (at + i) % 10 > 0).map((name) => [name, i]))),
  );
  assertGuessed(names.map((name) => field(name, types.int64())), texts, 0.5);
});

function assertGuessed(fields: Field[], texts: readonly string[], share: number): void {
  const { read, hits } = harness(fields);
  for (const text of texts) read(text);
  assert(hits() >= share * texts.length, `${hits()} of ${texts.length} guessed, e.g. ${texts[1]}`);
}

/** Reads records one by one, and counts those that were guessed. */
function harness(fields: Field[]): { read(text: string): void; hits(): number } {
  const root = new StructReader(new Struct(fields), fields, "", false, OPTIONS);
  const scan = new Scanner();
  const guesser = new Guesser(root, scan);
  let hits = 0;
  return {
    hits: () => hits,
    read(text) {
      const bytes = new TextEncoder().encode(text);
      const length = root.column.length;
      scan.open(bytes, 0, bytes.length);
      if (guesser.read()) hits++;
      else {
        try {
          readOrNull(scan, root);
          if (scan.next() >= 0) scan.fail("expected nothing behind the object");
        } catch (error) {
          root.column.truncate(length);
          root.forget();
          throw error;
        }
        guesser.learn();
      }
      assertEquals(root.column.length, length + 1);
      for (const { column } of root.children) assertEquals(column.length, length + 1);
    },
  };
}

function decoded(
  decoder: Decoder,
  values: readonly (string | Uint8Array)[],
): { run: DecodedRows | null; rejects: [number, string, unknown][] } {
  const slab = slabOf(values);
  const { rejects, reject } = collectRejects();
  const run = decoder.decode(slab, "value", allOf(slab), reject);
  return { run, rejects: [...rejects].map(([i, error]: [number, DataError]) => [i, error.message, error.details]) };
}

/** The same buffers, as far as they are in use. */
function assertSame(found: Data, expected: Data, where: string): void {
  assertEquals(`${found.type}`, `${expected.type}`, where);
  assertEquals([found.length, found.nullCount], [expected.length, expected.nullCount], where);
  if (found.nullCount > 0) assertEquals(bits(found.nullBitmap, found), bits(expected.nullBitmap, expected), where);
  if (found.type.typeId === Type.Bool) {
    assertEquals(bits(found.values as Uint8Array, found), bits(expected.values as Uint8Array, expected), where);
  } else assertEquals(raw(found.values), raw(expected.values), where);
  assertEquals(raw(found.valueOffsets), raw(expected.valueOffsets), where);
  found.children.forEach((child: Data, i) => assertSame(child, expected.children[i], where));
}

/** NaN and -0 tell apart as bytes do. */
function raw(values: ArrayBufferView | undefined): Uint8Array | undefined {
  return values && new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function bits(bitmap: Uint8Array, { length }: Data<DataType>): number[] {
  return Array.from({ length }, (_, i) => (bitmap[i >> 3] >> (i & 7)) & 1);
}
