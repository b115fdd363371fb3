import { assert, assertEquals } from "@std/assert";
import type { Field, RecordBatch } from "apache-arrow";
import { Type } from "apache-arrow";
import fc from "fast-check";
import protobuf from "protobufjs";
import descriptors from "protobufjs/ext/descriptor.js";
import { DataError, jsonText } from "../../mod.ts";
import { type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { Decoder } from "./decoder.ts";
import { parseProto, type ProtoMessage, type ProtoSchema } from "./proto.ts";
import { encode, oracleRow, Random, randomMessage, Schemas, sortedMap } from "./test_support.ts";

const SCHEMAS = 40;
const ROWS = 20;
const MUTATIONS = 20_000;

/** The registry's other form of the same schema. */
function descriptorOf(text: string): string {
  const { root, imports = [] } = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  for (const name of imports) root.addJSON(protobuf.common.get(name)!.nested!);
  root.resolveAll();
  const files = root.toDescriptor(/"proto3"/.test(text) ? "proto3" : "proto2").file;
  const file = { ...files.find(({ package: name }) => name === "t.u")!, dependency: imports };
  return descriptors.FileDescriptorProto.encode(file).finish().toBase64();
}

interface Case {
  readonly text: string;
  readonly type: protobuf.Type;
  /** The same messages by other means: other packing, fields that the schema does not know. */
  readonly writer: protobuf.Type;
  decoder(): Decoder;
}

function caseOf(random: Random): Case {
  const text = new Schemas(random, random.pick(["proto2", "proto3"])).file();
  const flipped = text.replace(/\[packed = (true|false)\]/g, (_, is) => `[packed = ${is === "false"}]`)
    .replace(/message (N\d+|M) \{/g, "message $1 { repeated fixed32 u1 = 4001; map<string, string> u2 = 4002;");
  const schema = parseProto(text);
  return {
    text,
    type: rootOf(text).lookupType("t.u.M"),
    writer: rootOf(flipped).lookupType("t.u.M"),
    decoder: () => new Decoder(schema.messageAt([0]), schema),
  };
}

function rootOf(text: string): protobuf.Root {
  const root = new protobuf.Root();
  const { imports } = protobuf.parse(text, root, { keepCase: true });
  for (const name of imports ?? []) root.addJSON(protobuf.common.get(name)!.nested!);
  root.resolveAll();
  return root;
}

/** A payload: a value, or two whose bytes follow each other and are to be merged. */
function payloadOf({ type, writer }: Case, random: Random): Uint8Array {
  const part = () => {
    const by = random.pick([type, writer]);
    return encode(by, randomMessage(by, random));
  };
  return random.once(3) ? Uint8Array.from([...part(), ...part()]) : part();
}

/** Rows with the entries of maps in an order of their own. */
function sortedRows(batch: RecordBatch): { [name: string]: Plain }[] {
  return rowsOf(batch).map((row) =>
    Object.fromEntries(batch.schema.fields.map((field) => [field.name, sorted(field, row[field.name])]))
  );
}

function sorted({ type }: Field, value: Plain): Plain {
  if (value === null) return null;
  const children = type.children as Field[];
  switch (type.typeId) {
    case Type.List:
      return (value as Plain[]).map((item) => sorted(children[0], item));
    case Type.Map:
      return sortedMap(
        (value as [Plain, Plain][]).map(([key, inner]) => [key, sorted(children[0].type.children[1], inner)]),
      );
    case Type.Struct:
      return Object.fromEntries(
        children.map((child) => [child.name, sorted(child, (value as { [name: string]: Plain })[child.name])]),
      );
    default:
      return value;
  }
}

/** A schema's message and all within it. */
function fieldsOf(schema: ProtoSchema): unknown {
  const part = ({ name, fields }: ProtoMessage): unknown => [
    name,
    fields.map((field) => [field, field.type.kind === "message" ? part(field.type) : field.type]),
  ];
  return part(schema.messageAt([0]));
}

Deno.test("Decoder reads what protobufjs reads, whatever the schema, its form and the value", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new Random(seed);
      const each = caseOf(random);
      const decoder = each.decoder();
      const wanted: { [name: string]: Plain }[] = [];
      for (let i = 0; i < ROWS; i++) {
        const payload = payloadOf(each, random);
        wanted.push(oracleRow(each.type, payload));
        const error = decoder.append(payload, 0, payload.length);
        assertEquals(error?.message, undefined, each.text);
      }
      assertEquals(sortedRows(decoder.rows.finish()), wanted, each.text);
      assertEquals(fieldsOf(parseProto(descriptorOf(each.text))), fieldsOf(parseProto(each.text)), each.text);
    }),
    { numRuns: SCHEMAS },
  );
});

Deno.test("Decoder writes as JSON text what the columns would hold", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = new Random(seed);
      const { text, type } = caseOf(random);
      const schema = parseProto(`${text}\nmessage W { optional M m = 1; }`);
      const of = (...jsonPaths: string[]) => {
        return new Decoder(schema.messageNamed("t.u.W")!, schema, { jsonPaths: new Set(jsonPaths) });
      };
      const [columns, json] = [of(), of("m")];
      for (let i = 0; i < ROWS; i++) {
        const payload = encode(type, randomMessage(type, random));
        const within = Uint8Array.from([0x0a, ...varint(payload.length), ...payload]);
        for (const decoder of [columns, json]) assertEquals(decoder.append(within, 0, within.length), null);
      }
      const { children: [message] } = columns.rows.finish().data;
      const texts = Array.from({ length: ROWS }, (_, i) => jsonText.ofColumn(message, i));
      assertEquals(rowsOf(json.rows.finish()).map(({ m }) => m), texts, text);
    }),
    { numRuns: SCHEMAS },
  );
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];
}

/** What the random schemas do not have: JSON text, decimals, recursion. */
function specialCase(): Case {
  const meta =
    '[(confluent.field_meta) = { params: [{ key: "precision", value: "20" }, { key: "scale", value: "2" }] }]';
  const text = `syntax = "proto3"; package t.u;
    import "google/protobuf/struct.proto"; import "google/protobuf/any.proto"; import "google/protobuf/duration.proto";
    message M { google.protobuf.Value v = 1; repeated google.protobuf.Any any = 2; D d = 3 ${meta}; M m = 4; repeated M l = 5;
      map<string, M> by = 6; map<int64, google.protobuf.Struct> s = 7; oneof o { M one = 8; google.protobuf.ListValue two = 9; } }`;
  const withDecimal = text.replace("D d", "confluent.type.Decimal d")
    .replace("message M", 'import "confluent/type/decimal.proto"; message M');
  const schema = parseProto(withDecimal);
  const jsonPaths = new Set(["m", "l[]", "by", "one"]);
  const type = rootOf(`${text} message D { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`).lookupType(
    "t.u.M",
  );
  return { text, type, writer: type, decoder: () => new Decoder(schema.messageAt([0]), schema, { jsonPaths }) };
}

const ANYS = [
  { type_url: "x/t.u.M", value: [0x0a, 0x02, 0x08, 0x00] },
  { type_url: "x/google.protobuf.Duration", value: [0x08, 0x01] },
  { type_url: "x/__proto__", value: [0x01] },
];

/** Values of the special case's schema. */
function specialValue(random: Random, depth = 2): Record<string, unknown> {
  const value = (levels: number): Record<string, unknown> =>
    random.pick([
      { nullValue: 0 },
      { numberValue: random.next() },
      { stringValue: random.text() },
      ...(levels > 0
        ? [{ listValue: { values: [value(levels - 1)] } }, {
          structValue: { fields: { [random.text()]: value(levels - 1) } },
        }]
        : []),
    ]);
  const inner = () => specialValue(random, depth - 1);
  return {
    v: value(3),
    any: [random.pick(ANYS)],
    d: { value: random.bytes(random.below(8)), scale: random.below(3) },
    ...(depth === 0 ? {} : { m: inner(), l: [inner()], by: { a: inner() }, s: { 5: { fields: {} } }, one: inner() }),
  };
}

Deno.test("Decoder takes 20,000 mutated payloads whole or not at all, and leaves good rows intact", () => {
  const random = new Random(7);
  let rejected = 0;
  for (let done = 0; done < MUTATIONS; done += 1_000) {
    const isSpecial = done % 4_000 === 0;
    const each = isSpecial ? specialCase() : caseOf(random);
    const [decoder, alone] = [each.decoder(), each.decoder()];
    const good: number[] = [];
    const payloads = Array.from(
      { length: 50 },
      () => isSpecial ? encode(each.type, specialValue(random)) : payloadOf(each, random),
    );
    for (let i = 0; i < 1_000; i++) {
      const bad = mutate(random.pick(payloads), random);
      // Behind the payload stand bytes that must not be read.
      const padded = Uint8Array.from([9, 9, ...bad, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      const before = decoder.rows.length;
      const error = decoder.append(padded, 2, 2 + bad.length, 2);
      assertEquals(decoder.rows.length, before + (error ? 0 : 1));
      if (error) {
        assert(error instanceof DataError);
        const { bytePosition, reason } = error.details;
        assert(bytePosition! >= 0 && bytePosition! <= bad.length, `${reason} at ${bytePosition} of ${bad.length}`);
        rejected++;
      }
      if (i % 25 > 0) continue;
      const payload = random.pick(payloads);
      good.push(decoder.rows.length);
      assertEquals(decoder.append(payload, 0, payload.length), null);
      assertEquals(alone.append(payload, 0, payload.length), null);
    }
    const out = rowsOf(decoder.rows.finish());
    assertEquals(good.map((row) => out[row]), rowsOf(alone.rows.finish()));
  }
  assert(rejected > MUTATIONS / 4, `${rejected} were rejected`);
});

/** Bits flipped, bytes cut, put in or replaced. */
function mutate(payload: Uint8Array, random: Random): Uint8Array {
  const at = random.below(payload.length + 1);
  switch (random.below(5)) {
    case 0: {
      const out = payload.slice();
      for (let i = random.below(3); i >= 0 && out.length > 0; i--) {
        out[random.below(out.length)] ^= 1 << random.below(8);
      }
      return out;
    }
    case 1:
      return payload.slice(0, at);
    case 2:
      return Uint8Array.from([...payload.slice(0, at), ...random.bytes(1 + random.below(4)), ...payload.slice(at)]);
    case 3: {
      // Varints of all lengths, where lengths and tags may stand.
      const varint = [...Array.from({ length: random.below(11) }, () => 0xff), random.below(128)];
      return Uint8Array.from([...payload.slice(0, at), ...varint, ...payload.slice(at + 1)]);
    }
    default:
      return random.bytes(random.below(60));
  }
}
