import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import protobuf from "protobufjs";
import descriptors from "protobufjs/ext/descriptor.js";
import { DataError } from "../../mod.ts";
import { fromReferences, parseProto, type ProtoMessage, type ProtoSchema } from "./proto.ts";

const NESTED = `syntax = "proto2"; package shop.v1;
message A { message A1 { } enum E { Z = 0; } map<string, int32> m = 1; message A2 { message Deep { } } }
enum Top { T = 0; }
message B { optional group G = 1 { } message B1 { } }`;

/** The text as a FileDescriptorProto in base64, as protoc would write it. */
function descriptorOf(text: string, change: (file: Record<string, unknown>) => void = () => {}): string {
  const { root, package: name } = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  root.resolveAll();
  const syntax = /syntax = "(\w+)"/.exec(text)![1];
  const file = root.toDescriptor(syntax).file.find((file) => file.package === name)!;
  change(file as unknown as Record<string, unknown>);
  return descriptors.FileDescriptorProto.encode(file).finish().toBase64();
}

const nameAt = (schema: ProtoSchema, ...indexes: number[]) => schema.messageAt(indexes).name;
const refused = (text: string, references: Record<string, string> = {}) =>
  assertThrows(() => parse(text, references).messageAt([0]), DataError);
const parse = (text: string, references: Record<string, string> = {}) =>
  parseProto(text, fromReferences(Object.entries(references).map(([name, text]) => ({ name, text }))));
const typeNames = ({ fields }: ProtoMessage) =>
  fields.map(({ type }) => type.kind === "scalar" ? type.scalar : type.name);

Deno.test("messageAt() counts the messages of the schema's file, nested ones within theirs", () => {
  const schema = parseProto(NESTED);
  assertEquals(nameAt(schema, 0), "shop.v1.A");
  assertEquals(nameAt(schema, 1), "shop.v1.B");
  assertEquals(nameAt(schema, 0, 1, 0), "shop.v1.A.A2.Deep");
  // A group declares a message where it stands.
  assertEquals([nameAt(schema, 1, 0), nameAt(schema, 1, 1)], ["shop.v1.B.G", "shop.v1.B.B1"]);
  const { details, message } = assertThrows(() => schema.messageAt([0, 5]), DataError);
  assertEquals(details.reason, "unknown message index");
  assertStringIncludes(message, "index 5 names no message, expected 0 to 1");
});

Deno.test("messageAt() counts the entries of maps in a descriptor, as producers do that read one", () => {
  const schema = parseProto(descriptorOf(NESTED));
  // protobufjs writes the entry first, protoc where the map stands. It is counted, but nobody can mean it.
  assertEquals(assertThrows(() => schema.messageAt([0, 0]), DataError).details.reason, "invalid schema");
  assertEquals([nameAt(schema, 0, 1), nameAt(schema, 0, 2)], ["shop.v1.A.A1", "shop.v1.A.A2"]);
  assertEquals(nameAt(schema, 1), "shop.v1.B");
});

Deno.test("messageAt() does not count messages that are imported into the same package", () => {
  const imported = 'syntax = "proto3"; package shop.v1; message First { int32 x = 1; }';
  const text = 'syntax = "proto3"; package shop.v1; import "first.proto"; message Own { First first = 1; }';
  const schema = parse(text, { "first.proto": imported });
  assertEquals(nameAt(schema, 0), "shop.v1.Own");
  assertThrows(() => schema.messageAt([1]), DataError);
  assertEquals(schema.messageNamed("shop.v1.First")?.name, "shop.v1.First");
});

Deno.test("parseProto() follows imports by the names of references, text and descriptors mixed", () => {
  const c = 'syntax = "proto3"; package c; enum Color { RED = 0; }';
  const b = 'syntax = "proto2"; package b; import public "x/c.proto"; message B { optional c.Color color = 1; }';
  const a = 'syntax = "proto3"; package a; import "x/b.proto"; message A { b.B b = 1; c.Color color = 2; }';
  const bDescriptor = descriptorOf('syntax = "proto2"; package b; message B { optional int32 color = 1; }', (file) => {
    file.dependency = ["x/c.proto"];
    const [message] = file.messageType as { field: Record<string, unknown>[] }[];
    Object.assign(message.field[0], { type: 14, typeName: ".c.Color" });
  });
  for (const each of [b, bDescriptor]) {
    const message = parse(a, { "x/b.proto": each, "x/c.proto": c }).messageAt([0]);
    assertEquals(typeNames(message), ["b.B", "c.Color"]);
    assertEquals(typeNames(message.fields[0].type as ProtoMessage), ["c.Color"]);
    assertEquals(message.fields.map(({ label }) => label), ["optional", "implicit"]);
  }
});

Deno.test("parseProto() needs no references for what every registry knows", () => {
  const text = `syntax = "proto3";
    import "google/protobuf/timestamp.proto"; import "google/protobuf/descriptor.proto"; import "google/type/datetime.proto";
    import "google/type/money.proto"; import "confluent/meta.proto"; import "confluent/type/decimal.proto";
    extend google.protobuf.FieldOptions { string note = 50001; }
    message M { google.protobuf.Timestamp t = 1; google.type.DateTime d = 2; google.type.Money m = 3;
      confluent.type.Decimal x = 4 [(note) = "a"]; }`;
  assertEquals(typeNames(parseProto(text).messageAt([0])), [
    "google.protobuf.Timestamp",
    "google.type.DateTime",
    "google.type.Money",
    "confluent.type.Decimal",
  ]);
});

Deno.test("parseProto() misses an import only where it needs a type of it, and then names it", () => {
  const head = 'syntax = "proto3"; import "buf/validate.proto"; message M { ';
  assertEquals(typeNames(parse(`${head} int32 a = 1 [(buf.validate.field).int32.gt = 5]; }`).messageAt([0])), [
    "int32",
  ]);
  const { message, details } = refused(`${head} buf.Thing a = 1; }`);
  assertEquals(details.reason, "invalid schema");
  assertStringIncludes(message, "buf.Thing");
  assertStringIncludes(message, 'it imports "buf/validate.proto", which cannot be found');
});

Deno.test("parseProto() refuses what is no schema", () => {
  for (const text of ["", "message {", "bm90IGEgZGVzY3JpcHRvcg==", "{}", 'syntax = "proto4"; message M {}']) {
    assertEquals(refused(text).details.reason.startsWith("invalid") || text === "", true, text);
  }
  assertEquals(refused("").details.reason, "unknown message index");
  assertStringIncludes(refused('edition = "2030"; message M {}').message, "2030");
});

Deno.test("parseProto() reads confluent.field_meta from text in all its forms, and from descriptors", () => {
  const params = { precision: "10", scale: "2" };
  const forms = [
    '(confluent.field_meta) = { params: [{ key: "precision", value: "10" }, { value: "2", key: "scale" }] }',
    '(confluent.field_meta) = { doc: "x", params { key: "precision" value: "10" } params { key: "scale" value: "2" } }',
    '(confluent.field_meta).params = { key: "precision", value: "10" }, (confluent.field_meta).params = { key: "scale", value: "2" }',
    '(.confluent.field_meta) = { tags: "PII", params: [{ key: "precision", value: "10" }, { key: "scale", value: "2" }] }',
  ];
  const schema = (options: string) =>
    `syntax = "proto3"; package p; message M { bytes a = 1${options}; message N { bytes b = 1; } }`;
  for (const form of forms) {
    assertEquals(parseProto(schema(` [${form}]`)).messageAt([0]).fields[0].params, params, form);
  }
  // Option 1088 of the field: the bytes that protoc writes for the first form.
  const entry = (key: string, value: string) =>
    String.fromCharCode(0x12, key.length + value.length + 4, 0x0a, key.length) + key +
    String.fromCharCode(0x12, value.length) + value;
  const meta = entry("precision", "10") + entry("scale", "2");
  const option = Uint8Array.from("\x82\x44" + String.fromCharCode(meta.length) + meta, (char) => char.charCodeAt(0));
  const bytes = withOption(Uint8Array.fromBase64(descriptorOf(schema(" [deprecated = true]"))), option);
  assertEquals(parseProto(bytes.toBase64()).messageAt([0]).fields[0].params, params);
});

/** Puts an option beside those of the first field. */
function withOption(file: Uint8Array, option: Uint8Array): Uint8Array {
  const decoded = descriptors.FileDescriptorProto.decode(file) as unknown as {
    messageType: { field: { options: { $unknowns?: Uint8Array[] } }[] }[];
  };
  decoded.messageType[0].field[0].options.$unknowns = [option];
  return descriptors.FileDescriptorProto.encode(decoded).finish();
}

Deno.test("parseProto() reads a map's entry message as a map, as registries print descriptors", () => {
  const text = `syntax = "proto3"; message M { repeated CountsEntry counts = 1;
    message CountsEntry { option map_entry = true; string key = 1; int64 value = 2; } }`;
  const [field] = parseProto(text).messageAt([0]).fields;
  assertEquals([field.label, field.key, field.type], ["map", "string", { kind: "scalar", scalar: "int64" }]);
});

Deno.test("parseProto() treats editions by their features", () => {
  const text = `edition = "2023"; message M { int32 a = 1; int32 b = 2 [features.field_presence = IMPLICIT];
    int32 c = 3 [features.field_presence = LEGACY_REQUIRED]; N n = 4 [features.message_encoding = DELIMITED]; message N { } }`;
  const { fields } = parseProto(text).messageAt([0]);
  assertEquals(fields.map(({ label, isGroup }) => [label, isGroup]), [
    ["optional", false],
    ["implicit", false],
    ["required", false],
    ["optional", true],
  ]);
});

Deno.test("parseProto() takes names that mean something to JavaScript", () => {
  const { fields } = parseProto('syntax = "proto3"; message M { int32 constructor = 1; string toString = 2; }')
    .messageAt([0]);
  assertEquals(fields.map(({ name }) => name), ["constructor", "toString"]);
});
