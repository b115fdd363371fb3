/**
 * For the tests of this folder: payloads of random schemas, and of one that has what those have not; both mutated.
 *
 * @module
 */
import protobuf from "protobufjs";
import { Decoder } from "./decoder.ts";
import { parseProto } from "./proto.ts";
import { encode, type Random, randomMessage, Schemas } from "./test_support.ts";

/** A random schema. */
export interface Case {
  readonly text: string;
  readonly type: protobuf.Type;
  /** The same messages by other means: other packing, fields that the schema does not know. */
  readonly writer: protobuf.Type;
  decoder(): Decoder;
}

/** Of a random schema, or of a given one of package `t.u` with a message `M`. */
export function caseOf(random: Random, given?: string): Case {
  const text = given ?? new Schemas(random, random.pick(["proto2", "proto3"])).file();
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

/** The schema as the oracle has it. */
function rootOf(text: string): protobuf.Root {
  const root = new protobuf.Root();
  const { imports } = protobuf.parse(text, root, { keepCase: true });
  for (const name of imports ?? []) root.addJSON(protobuf.common.get(name)!.nested!);
  root.resolveAll();
  return root;
}

/** A payload: a value, or two whose bytes follow each other and are to be merged. */
export function payloadOf({ type, writer }: Case, random: Random, mayMerge = true): Uint8Array {
  const part = () => {
    const by = random.pick([type, writer]);
    return encode(by, randomMessage(by, random));
  };
  return mayMerge && random.once(3) ? Uint8Array.from([...part(), ...part()]) : part();
}

/** What the random schemas do not have: JSON text, decimals, recursion. */
export function specialCase(): Case {
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
export function specialValue(random: Random, depth = 2): Record<string, unknown> {
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
