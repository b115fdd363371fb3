import { type DataType, Schema } from "apache-arrow";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ConfigError, types } from "../../mod.ts";
import { contextOf, slabOf } from "../testing.ts";
import { jsonConverter } from "./mod.ts";
import { converter, decode } from "./test_support.ts";

await jsonConverter.load!();

const { field } = types;
async function one(type: DataType, text: string) {
  const { rows, rejects } = await decode(converter(new Schema([field("v", type)])), [`{"v":${text}}`]);
  return rows.length === 1 ? (rows[0] as { v: unknown }).v : rejects.get(0)!.details.reason;
}

Deno.test("json decodes members in any order, with white space, a byte order mark, escapes and missing members", async () => {
  const schema = new Schema([field("id", types.int64()), field("name", types.utf8()), field("ok", types.boolean())]);
  const { rows, rejects, run } = await decode(converter(schema), [
    '{"id":1,"name":"a","ok":true}',
    ' \n\t{ "ok" : false , "name" : "\\u00e4\\ud83d\\ude80\\n\\"é" , "id" : -9223372036854775808 } \r\n',
    '\ufeff{"n\\u0061me":null}',
    null,
    "{}",
  ]);
  assertEquals(rejects.size, 0);
  assertEquals(rows, [
    { id: 1n, name: "a", ok: true },
    { id: -9223372036854775808n, name: 'ä🚀\n"é', ok: false },
    { id: null, name: null, ok: null },
    { id: null, name: null, ok: null },
  ]);
  assertEquals([...run!.rows], [0, 1, 2, 4]);
  assertStrictEquals(run!.data.schema, schema);
});

Deno.test("json reads integers exactly up to their range and refuses the rest", async () => {
  for (const text of ["0", "-0", "9007199254740993", "999999999999999", "1000000000000000", "-9223372036854775808"]) {
    assertEquals(await one(types.int64(), text), BigInt(text));
  }
  for (let i = 0; i < 500; i++) {
    const value = BigInt.asIntN(64, BigInt(i) * 0x9e3779b97f4a7c15n) >> BigInt(i % 64);
    assertEquals(await one(types.int64(), `${value}`), value);
  }
  assertEquals(await one(types.int64(), "9223372036854775807"), 9223372036854775807n);
  assertEquals(await one(types.int64(), "1.0"), 1n);
  assertEquals(await one(types.int64(), "1.2e3"), 1200n);
  for (const text of ["9223372036854775808", "-9223372036854775809", "99999999999999999999", "1e400"]) {
    assertEquals(await one(types.int64(), text), "number out of range");
  }
  assertEquals(await one(types.int64(), "1.5"), "type mismatch");
  assertEquals(await one(types.int64(), '"1"'), "type mismatch");
  assertEquals(await one(types.int8(), "-128"), -128);
  assertEquals(await one(types.int8(), "128"), "number out of range");
  assertEquals(await one(types.int32(), "2147483648"), "number out of range");
});

Deno.test("json reads doubles as Number() does, and refuses what they cannot hold", async () => {
  const texts = [
    "0.1",
    "-0.0",
    "1e22",
    "1e23",
    "123456789012345.6e-7",
    "0.30000000000000004",
    "5e-324",
    "1.7976931348623157e308",
  ];
  for (let i = 1; i < 500; i++) {
    texts.push(`${(Math.sin(i) * 10 ** (i % 40 - 20))}`, (Math.cos(i) * 1000).toFixed(i % 12));
  }
  for (const text of texts) assertStrictEquals(await one(types.float64(), text), Number(text));
  assertEquals(await one(types.float64(), "1e999"), "number out of range");
  assertEquals(await one(types.float32(), "0.1"), Math.fround(0.1));
  assertEquals(await one(types.float32(), "1e39"), "number out of range");
});

Deno.test("json reads decimals exactly or not at all", async () => {
  const read = async (text: string, precision: number, scale: number) => {
    const { run, rejects } = await decode(converter(new Schema([field("v", types.decimal(precision, scale))])), [
      `{"v":${text}}`,
    ]);
    if (!run) return rejects.get(0)!.details.reason;
    const words = run.data.getChildAt(0)!.data[0].values as Uint32Array;
    return BigInt.asIntN(128, words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n));
  };
  assertEquals(await read("12.34", 10, 2), 1234n);
  assertEquals(await read("-12.340", 10, 2), -1234n);
  assertEquals(await read("1234e-2", 10, 2), 1234n);
  assertEquals(await read("0.000", 10, 2), 0n);
  assertEquals(await read("99999999999999999999999999999999999999", 38, 0), 10n ** 38n - 1n);
  assertEquals(await read("-1234567890123456789.25", 38, 2), -123456789012345678925n);
  for (const text of ["12.345", "123456789", "1e400", "0.1e-9"]) {
    assertEquals(await read(text, 10, 2), "number out of range");
  }
});

Deno.test("json reads dates, timestamps, binary, and JSON text into strings", async () => {
  const day = (text: string) => Date.parse(text);
  assertEquals(await one(types.date(), '"2024-02-29"'), day("2024-02-29"));
  assertEquals(await one(types.date(), '"0001-01-01"'), day("0001-01-01"));
  for (const text of ["2023-02-29", "2024-13-01", "2024-1-01", "x", ""]) {
    assertEquals(await one(types.date(), JSON.stringify(text)), "type mismatch");
  }
  for (
    const text of [
      "2024-01-31T12:34:56.789Z",
      "2024-01-31t12:34:56+02:00",
      "1969-12-31 23:59:59.999-0500",
      "9999-12-31T23:59Z",
    ]
  ) {
    assertEquals(
      await one(types.timestamp(), JSON.stringify(text)),
      day(text.replace(" ", "T").replace("-0500", "-05:00")),
    );
  }
  assertEquals(await one(types.timestamp(), '"2024-01-31T12:00:00"'), "type mismatch");
  assertEquals(await one(types.timestamp(), "1700000000000"), "type mismatch");
  assertEquals(await one(types.timestamp(), '"2024-01-31T12:00:00.1234567Z"'), "timestamp finer than microseconds");
  assertEquals(await one(types.localTimestamp(), '"2024-01-31T12:00:00.5"'), day("2024-01-31T12:00:00.5Z"));
  assertEquals(await one(types.localTimestamp(), '"2024-01-31T12:00:00Z"'), "type mismatch");
  assertEquals(await one(types.binary(), '"AP8Q"'), [0, 255, 16]);
  assertEquals(await one(types.binary(), '"\\u0041A=="'), [0]);
  for (const text of ["A", "AA=", "A-==", "AB==", "===="]) {
    assertEquals(await one(types.binary(), JSON.stringify(text)), "type mismatch");
  }
  assertEquals(await one(types.utf8(), '{"a": [1, null]}'), '{"a": [1, null]}');
  assertEquals(await one(types.utf8(), "12.50"), "12.50");
  assertEquals(await one(types.utf8(), "true"), "true");
});

Deno.test("json keeps the microseconds of timestamps and leaves finer digits out only where told", async () => {
  const schema = new Schema([field("v", types.timestamp())]);
  const { run } = await decode(converter(schema, "truncate"), [
    '{"v":"2024-01-31T12:00:00.123456789Z"}',
    '{"v":"9999-12-31T23:59:59.999999Z"}',
  ]);
  const values = run!.data.getChildAt(0)!.data[0].values as BigInt64Array;
  assertEquals([...values], [1706702400123456n, 253402300799999999n]);
});

Deno.test("json reads nested values and rolls a half-read row back at every depth", async () => {
  const line = types.struct([field("price", types.float64(), false), field("tags", types.list(types.utf8()))]);
  const schema = new Schema([
    field("lines", types.list(line)),
    field("by", types.map(types.utf8(), types.int64())),
    field("n", types.int64()),
  ]);
  const { rows, rejects } = await decode(converter(schema), [
    '{"lines":[{"price":1,"tags":["a",null]},null],"by":{"x":1,"y":null},"n":1}',
    '{"n":2,"by":{"x":1},"lines":[{"price":1},{"price":2,"tags":["b"]},{"tags":["c"]}]}',
    '{"lines":[{"price":1,"tags":["d",',
    '{"n":1,"n":2,"lines":[{"price":7}],"lines":[]}',
  ]);
  assertEquals(rows, [
    { lines: [{ price: 1, tags: ["a", null] }, null], by: { x: 1n, y: null }, n: 1n },
    { lines: [], by: null, n: 2n },
  ]);
  assertEquals(rejects.get(1)!.details.reason, "required field missing");
  assertEquals(rejects.get(1)!.details.fieldPath, "lines[].price");
  assertEquals(rejects.get(2)!.details, { reason: "malformed json", fieldPath: "lines[].tags[]", bytePosition: 33 });
});

Deno.test("json rejects what JSON.parse rejects, what is no object, and what is nested too deeply", async () => {
  const bad = [
    "",
    " ",
    "{",
    "[]",
    "1",
    "null",
    '"a"',
    '{"id":1}}',
    '{"id":1,}',
    "{id:1}",
    '{"id":01}',
    '{"id":1.}',
    '{"id":.5}',
    '{"id":+1}',
    '{"id":1e}',
    '{"x":"\u0001"}',
    '{"x":"\\x"}',
    '{"x":"\\u12g4"}',
    '{"x":"\\ud800"}',
    '{"x":tru}',
    '{"x":nul',
    '{"id":1 "x":2}',
    '{"id"}',
    '{"x":[1 2]}',
    '{"x":[1,]}',
    '{"x":NaN}',
    '{"x":1]',
    '{"x":"a',
  ];
  bad.push(`{"x":${"[".repeat(600)}${"]".repeat(600)}}`);
  const { rows, rejects } = await decode(converter(new Schema([field("id", types.int64())])), [...bad, '{"id":7}']);
  assertEquals(rows, [{ id: 7n }]);
  assertEquals(rejects.size, bad.length);
  for (const error of rejects.values()) assert(error.details.bytePosition !== undefined);
  assertEquals(rejects.get(bad.length - 1)!.details.reason, "nested too deeply");
  assertEquals(rejects.get(4)!.details, { reason: "type mismatch", bytePosition: 0 });
});

Deno.test("json infers a schema once: order of appearance, doubles, wide integers, mixed kinds as text", async () => {
  const json = converter(() => null);
  assertEquals(await json.wants!(), 10_000);
  const values = [
    '{"b":1,"a":"x","n":null,"e":{},"m":1,"big":1,"huge":1,"s":{"k":1}}',
    "not json",
    '{"b":2.5,"c":[{"d":1},{"f":true}],"m":"text","big":18446744073709551616,"huge":1e999,"s":{"k":2,"l":[[]]}}',
  ];
  await json.learn!([slabOf(values)]);
  assertEquals(await json.wants!(), 0);
  const { run, rows, rejects } = await decode(json, values);
  assertEquals([...rejects.keys()], [1]);
  assertEquals(run!.data.schema.fields.map(({ name, type }) => `${name} ${type}`), [
    "b Float64",
    "a Utf8",
    "m Utf8",
    "big Decimal[38e0]",
    "huge Utf8",
    "s Struct<{k:Int64}>",
    "c List<Struct<{d:Int64, f:Bool}>>",
  ]);
  assertEquals((rows[1] as { m: string; huge: string }).m, "text");
  assertEquals((rows[1] as { huge: string }).huge, "1e999");
});

Deno.test("json appends unknown members as nullable columns, nested ones too, and keeps schemas the same object", async () => {
  const schema = new Schema([
    field("id", types.int64()),
    field("o", types.struct([field("x", types.int64())])),
    field("l", types.list(types.struct([field("y", types.int64())]))),
  ]);
  const json = converter(schema);
  const values = [
    '{"id":1,"o":{"x":1},"new":null}',
    '{"id":2,"new":1,"o":{"x":2,"deep":"d"},"l":[{"y":1},{"y":2,"z":true}]}',
    '{"id":3,"extra":"bad","o":{"x":"no"}}',
    '{"id":4,"new":2.5,"o":null,"l":null,"dup":1,"dup":null}',
  ];
  const { run, rows, rejects } = await decode(json, values);
  assertEquals([...rejects.keys()], [2]);
  assertEquals(rows, [
    { id: 1n, o: { x: 1n, deep: null }, l: null, new: null },
    { id: 2n, o: { x: 2n, deep: "d" }, l: [{ y: 1n, z: null }, { y: 2n, z: true }], new: 1 },
    { id: 4n, o: null, l: null, new: 2.5 },
  ]);
  assertStrictEquals((await decode(json, values)).run!.data.schema, run!.data.schema);
  assertStrictEquals((await decode(json, ['{"id":1}'])).run!.data.schema, schema);
});

Deno.test("json refuses names that differ only by case, of known and of unknown fields", async () => {
  const json = converter(new Schema([field("id", types.int64())]));
  const { rows, rejects } = await decode(json, [
    '{"id":1,"ID":2}',
    '{"id":2,"foo":1}',
    '{"id":3,"Foo":1}',
    '{"id":4,"o":{"a":1,"A":1}}',
    '{"id":5}',
  ]);
  assertEquals(rows, [{ id: 2n, foo: 1n }, { id: 5n, foo: null }]);
  assertEquals(
    [...rejects].map(([i, e]) => `${i} ${e.details.reason}`),
    [0, 2, 3].map((i) => `${i} field names differ only by case`),
  );
});

Deno.test("json reads unknown members by the target's type once the target has them", async () => {
  let target: Schema | null = null;
  const json = converter(() => target);
  await json.learn!([slabOf(['{"id":1}'])]);
  assertEquals((await decode(json, ['{"id":1,"b":1}'])).run!.data.schema.fields[1].type.toString(), "Int64");
  target = new Schema([field("id", types.int64()), field("b", types.float64()), field("c", types.utf8())]);
  const { run, rows, rejects } = await decode(json, ['{"id":1,"b":1}', '{"id":2,"b":"x"}']);
  assertEquals(run!.data.schema.fields.map((f) => `${f.name} ${f.type}`), ["id Int64", "b Float64"]);
  assertEquals(rows, [{ id: 1n, b: 1 }]);
  assertEquals(rejects.get(1)!.details.reason, "type mismatch");
});

Deno.test("json takes value.schema inline or from a file, and refuses a bad one", async () => {
  const text =
    '{"type":"struct","fields":[{"name":"id","type":"integer","nullable":false},{"name":"d","type":"decimal(5,2)"},' +
    '{"name":"l","type":{"type":"array","elementType":"short"}},{"name":"m","type":{"type":"map","keyType":"string","valueType":"date"}}]}';
  const create = (schema: string) =>
    jsonConverter.create({ "value.schema": schema, "key.schema": null, "json.timestamp.nanos": "reject" }, contextOf());
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, text);
  for (const json of [create(text), create(path)]) {
    assertEquals(await json.wants!(), 0);
    const { run, rejects } = await decode(json, ['{"id":1,"l":[1]}', '{"id":null}']);
    assertEquals(run!.data.schema.fields.map((f) => `${f.type}`), [
      "Int32",
      "Decimal[5e+2]",
      "List<Int16>",
      "Map<{key:Utf8, value:Date32<DAY>}>",
    ]);
    assertEquals(rejects.get(1)!.details, { reason: "required field missing", fieldPath: "id", bytePosition: 6 });
  }
  await Deno.remove(path);
  assertThrows(() => create(path), ConfigError, "value.schema");
  assertThrows(() => create('{"type":"struct","fields":[{"name":"a","type":"money"}]}'), ConfigError, 'field "a"');
});

Deno.test("json takes time by the length of a number, zeros in its middle too", async () => {
  const zeros = "0".repeat(1_000_000);
  const outOfRange = await one(types.int64(), "9".repeat(40));
  assertEquals(await one(types.int64(), `1${zeros}1`), outOfRange);
  assertEquals(await one(types.decimal(38, 2), `1${zeros}1.5`), outOfRange);
  assertEquals(await one(types.int64(), `7.${zeros}`), 7n);
});
