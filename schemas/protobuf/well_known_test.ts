import { assertEquals, assertThrows } from "@std/assert";
import protobuf from "protobufjs";
import { DataError } from "../../mod.ts";
import { type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { Decoder } from "./decoder.ts";
import { parseProto } from "./proto.ts";

const FILES = ["timestamp", "duration", "wrappers", "struct", "any", "empty", "field_mask"]
  .map((name) => `import "google/protobuf/${name}.proto";`).join(" ");
const file = (body: string, more = "") =>
  `syntax = "proto3"; package p; ${FILES} import "confluent/type/decimal.proto"; message M { ${body} } ${more}`;

/** The messages of a file, to be encoded by protobufjs. */
function rootOf(text: string): protobuf.Root {
  const root = new protobuf.Root();
  const { imports = [] } = protobuf.parse(text.replace('import "confluent/type/decimal.proto";', ""), root, {
    keepCase: true,
  });
  for (const name of imports) root.addJSON(protobuf.common.get(name)!.nested!);
  if (text.includes("confluent.type.Decimal")) {
    protobuf.parse(
      'syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }',
      root,
    );
  }
  root.resolveAll();
  return root;
}

function encode(text: string, value: Record<string, unknown>, name = "p.M"): Uint8Array {
  const type = rootOf(text).lookupType(name);
  return type.encode(type.fromObject(value)).finish();
}

function decode(text: string, payload: Uint8Array, jsonPaths: readonly string[] = []): { [name: string]: Plain } {
  const schema = parseProto(text);
  const decoder = new Decoder(schema.messageAt([0]), schema, { jsonPaths: new Set(jsonPaths) });
  const error = decoder.append(payload, 0, payload.length);
  if (error) throw error;
  return rowsOf(decoder.rows.finish())[0];
}

const roundTrip = (text: string, value: Record<string, unknown>, jsonPaths: readonly string[] = []) =>
  decode(text, encode(text, value), jsonPaths);

const refused = (text: string, value: Record<string, unknown>) => {
  const { details } = assertThrows(() => roundTrip(text, value), DataError);
  return [details.reason, details.fieldPath];
};

Deno.test("Timestamps are microseconds of the years 1 to 9999, others are refused", () => {
  const text = file("google.protobuf.Timestamp t = 1; repeated google.protobuf.Timestamp l = 2;");
  const t = (seconds: number, nanos = 0) => roundTrip(text, { t: { seconds, nanos } }).t;
  assertEquals(t(1_767_225_600, 123_456_789), 1_767_225_600_123_456n);
  assertEquals(t(-1, 999_999_999), -1n);
  assertEquals(t(-62_135_596_800), -62_135_596_800_000_000n);
  assertEquals(t(253_402_300_799, 999_999_999), 253_402_300_799_999_999n);
  assertEquals(roundTrip(text, { l: [{ seconds: 1 }, {}] }), { t: null, l: [1_000_000n, 0n] });
  for (const bad of [{ seconds: -62_135_596_801 }, { seconds: 253_402_300_800 }, { nanos: -1 }, { nanos: 1e9 }]) {
    assertEquals(refused(text, { t: bad }), ["timestamp out of range", "t"]);
    assertEquals(refused(text, { l: [bad] }), ["timestamp out of range", "l[]"]);
  }
});

Deno.test("Durations are microseconds, cut towards zero", () => {
  const text = file("google.protobuf.Duration d = 1;");
  const d = (seconds: number, nanos = 0) => roundTrip(text, { d: { seconds, nanos } }).d;
  assertEquals(d(1, 500_000_999), 1_500_000n);
  assertEquals(d(-1, -500_000_999), -1_500_000n);
  assertEquals(d(0, -999), 0n);
  assertEquals(d(-315_576_000_000, -999_999_999), -315_576_000_000_999_999n);
  assertEquals(refused(text, { d: { seconds: 1, nanos: -1 } }), ["duration out of range", "d"]);
  assertEquals(refused(text, { d: { seconds: 315_576_000_001 } }), ["duration out of range", "d"]);
});

Deno.test("Wrappers are nullable columns of what they wrap", () => {
  const text = file(
    "google.protobuf.Int32Value i = 1; google.protobuf.UInt64Value u = 2; google.protobuf.StringValue s = 3;" +
      "repeated google.protobuf.BoolValue l = 4; map<string, google.protobuf.DoubleValue> m = 5; google.protobuf.BytesValue b = 6;",
  );
  assertEquals(roundTrip(text, {}), { i: null, u: null, s: null, l: [], m: [], b: null });
  assertEquals(
    roundTrip(text, {
      i: { value: 0 },
      u: { value: "18446744073709551615" },
      s: { value: "x" },
      l: [{ value: true }, {}],
      m: { a: {}, b: { value: 1.5 } },
      b: { value: [1] },
    }),
    { i: 0, u: 2n ** 64n - 1n, s: "x", l: [true, false], m: [["a", 0], ["b", 1.5]], b: "01" },
  );
});

Deno.test("Decimals have the precision and scale that the field declares", () => {
  const meta = (precision: number, scale: number) =>
    `[(confluent.field_meta) = { params: [{ key: "precision", value: "${precision}" }, { key: "scale", value: "${scale}" }] }]`;
  const text = file(
    `confluent.type.Decimal d = 1 ${meta(10, 2)}; confluent.type.Decimal plain = 2; ` +
      `repeated confluent.type.Decimal big = 3 ${meta(38, 0)};`,
  );
  const d = (value: number[], scale = 2) => roundTrip(text, { d: { value, precision: 10, scale } }).d;
  assertEquals(d([0x30, 0x39]), 12345n);
  assertEquals(d([0xff]), -1n);
  assertEquals(d([]), 0n);
  assertEquals(d([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]), 7n);
  // Another scale, where nothing is lost.
  assertEquals(d([0x05], 0), 500n);
  assertEquals(d([0x05], -1), 5000n);
  assertEquals(d([0x32], 3), 5n);
  assertEquals(refused(text, { d: { value: [0x33], scale: 3 } }), ["decimal out of scale", "d"]);
  assertEquals(refused(text, { d: { value: [0x02, 0x54, 0x0b, 0xe4, 0x00], scale: 2 } }), [
    "decimal out of precision",
    "d",
  ]);
  assertEquals(refused(text, { d: { value: Array.from({ length: 40 }, () => 0x7f), scale: 2 } }), [
    "decimal out of precision",
    "d",
  ]);
  const huge = 10n ** 38n - 1n;
  const bytes = Array.from({ length: 16 }, (_, i) => Number((huge >> BigInt(120 - 8 * i)) & 0xffn));
  const { big, plain } = roundTrip(text, { big: [{ value: bytes }], plain: { value: [1], precision: 3, scale: 1 } });
  assertEquals([big, plain], [[huge], { value: "01", precision: 3n, scale: 1 }]);
});

Deno.test("Struct, Value and ListValue are JSON text", () => {
  const text = file(
    "google.protobuf.Struct s = 1; google.protobuf.Value v = 2; google.protobuf.ListValue l = 3; repeated google.protobuf.Value vs = 4; map<string, google.protobuf.Struct> m = 5;",
  );
  const values = [
    { nullValue: 0 },
    { numberValue: -1.5 },
    { stringValue: 'Ü"' },
    { boolValue: true },
    { structValue: { fields: { a: { listValue: { values: [{ numberValue: 1e21 }, {}] } }, b: {} } } },
    {},
  ];
  const row = roundTrip(text, {
    s: { fields: { x: { numberValue: 1 }, y: { stringValue: "" } } },
    v: { structValue: {} },
    l: {},
    vs: values,
    m: { k: { fields: { a: { boolValue: false } } } },
  });
  assertEquals(row, {
    s: '{"x":1,"y":""}',
    v: "{}",
    l: "[]",
    vs: ["null", "-1.5", '"Ü\\""', "true", '{"a":[1e+21,null],"b":null}', "null"],
    m: [["k", '{"a":false}']],
  });
  assertEquals(roundTrip(text, {}), { s: null, v: null, l: null, vs: [], m: [] });
});

Deno.test("Value of more than 100 levels is refused, and never exhausts the stack", () => {
  const text = file("google.protobuf.Value v = 1;");
  const sized = (tag: number, bytes: number[]) => {
    const { length } = bytes;
    return [tag, ...(length < 128 ? [length] : [(length & 127) | 128, length >> 7]), ...bytes];
  };
  const deep = (levels: number) => {
    let value = [0x20, 0x01];
    for (let i = 0; i < levels; i++) value = sized(0x32, sized(0x0a, value));
    return Uint8Array.from(sized(0x0a, value));
  };
  assertEquals(decode(text, deep(40)).v, "[".repeat(40) + "true" + "]".repeat(40));
  assertEquals(assertThrows(() => decode(text, deep(60)), DataError).details.reason, "nested too deeply");
  assertEquals(assertThrows(() => decode(text, deep(500)), DataError).details.reason, "nested too deeply");
});

Deno.test("Any is JSON text with its type, its fields where the type is known, base64 where not", () => {
  const text = file(
    "google.protobuf.Any a = 1; N n = 2;",
    "message N { int64 id = 1; google.protobuf.Timestamp at = 2; repeated N again = 3; map<string, bool> flags = 4; optional string none = 5; }",
  );
  const any = (type_url: string, value: Uint8Array | number[]) => roundTrip(text, { a: { type_url, value } }, ["n"]).a;
  const n = encode(text, { id: "9007199254740993", at: { seconds: 1 }, again: [{ id: 2 }], flags: { x: true } }, "p.N");
  assertEquals(
    any("type.googleapis.com/p.N", n),
    '{"@type":"type.googleapis.com/p.N","id":9007199254740993,"at":"1970-01-01T00:00:01.000000Z",' +
      '"again":[{"id":2,"at":null,"again":[],"flags":{},"none":null}],"flags":{"x":true},"none":null}',
  );
  assertEquals(any("x/q.Unknown", [1, 2, 255]), '{"@type":"x/q.Unknown","value":"AQL/"}');
  const duration = encode(text, { seconds: 1 }, "google.protobuf.Duration");
  assertEquals(
    any("x/google.protobuf.Duration", duration),
    '{"@type":"x/google.protobuf.Duration","value":1000000}',
  );
  assertEquals(any("x/google.protobuf.Empty", []), '{"@type":"x/google.protobuf.Empty"}');
  const nested = encode(text, { type_url: "x/p.N", value: n.slice(0, 0) }, "google.protobuf.Any");
  assertEquals(
    any("x/google.protobuf.Any", nested),
    '{"@type":"x/google.protobuf.Any","value":{"@type":"x/p.N","id":0,"at":null,"again":[],"flags":{},"none":null}}',
  );
  const bad = { a: { type_url: "x/p.N", value: [0x08] } };
  const { details } = assertThrows(() => roundTrip(text, bad, ["n"]), DataError);
  assertEquals([details.reason, details.fieldPath], ["truncated", "a.id"]);
});

Deno.test("columns.json makes text of recursive types, of elements and of whole fields", () => {
  const text = 'syntax = "proto3"; package p; message M { int32 a = 1; M left = 2; repeated M kids = 3; ' +
    "map<int32, M> by = 4; oneof o { M one = 5; fixed64 two = 6; } E e = 7; bytes b = 8; } enum E { ZERO = 0; ONE = 1; }";
  const leaf = '"left":null,"kids":[],"by":[],"one":null,"two":null,"e":"ZERO","b":""';
  const value = { a: 1, left: { a: 2 }, kids: [{ a: 3 }, {}], by: { 7: { a: 4, b: [1] } }, one: { e: 1 } };
  const row = roundTrip(text, value, ["left", "kids[]", "by", "one"]);
  assertEquals(row, {
    a: 1,
    left: `{"a":2,${leaf}}`,
    kids: [`{"a":3,${leaf}}`, `{"a":0,${leaf}}`],
    by: `[[7,{"a":4,${leaf.replace('"b":""', '"b":"AQ=="')}}]]`,
    one: `{"a":0,${leaf.replace("ZERO", "ONE")}}`,
    two: null,
    e: "ZERO",
    b: "",
  });
  const empty = roundTrip(text, { two: "18446744073709551615" }, ["left", "kids", "by{}", "one"]);
  assertEquals([empty.left, empty.kids, empty.by, empty.two], [null, "[]", [], 2n ** 64n - 1n]);
  // Parts of a message are merged in text too.
  const parts = Uint8Array.fromHex("12021800".replace("1800", "0805") + "12041a020809");
  assertEquals(
    decode(text, parts, ["left", "kids", "by", "one"]).left,
    `{"a":5,"left":null,"kids":[{"a":9,${leaf}}],"by":[],"one":null,"two":null,"e":"ZERO","b":""}`,
  );
});

Deno.test("Empty is whether it is set, FieldMask a struct of its paths", () => {
  const text = file("google.protobuf.Empty e = 1; google.protobuf.FieldMask f = 2;");
  assertEquals(roundTrip(text, { e: {}, f: { paths: ["a.b", "c"] } }), { e: true, f: { paths: ["a.b", "c"] } });
});
