import { assert, assertEquals } from "@std/assert";
import { DataError } from "../../mod.ts";
import { type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { mutate } from "../runs_test_support.ts";
import { Unfit } from "../rules/values.ts";
import { type Case, caseOf, payloadOf } from "./cases_test_support.ts";
import { ProtobufMessages } from "./message.ts";
import { parseProto } from "./proto.ts";
import { Random } from "./test_support.ts";

function messagesOf({ text, type }: Case): ProtobufMessages {
  return new ProtobufMessages(parseProto(text).messageNamed(type.fullName.slice(1))!, {});
}

/** With the entries of maps in an order of their own. */
function unordered(value: Plain): Plain {
  if (Array.isArray(value)) {
    const items = value.map(unordered);
    const isMap = items.every((item) => Array.isArray(item) && item.length === 2);
    return isMap ? items.toSorted((a, b) => Deno.inspect(a) < Deno.inspect(b) ? -1 : 1) : items;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, unordered(each)]));
}

Deno.test("ProtobufMessages writes what it reads, as it is and as JSON, for random schemas and values", () => {
  const random = new Random(3);
  for (let i = 0; i < 40; i++) {
    const given = caseOf(random);
    const messages = messagesOf(given);
    const decoders = [0, 1, 2].map(() => given.decoder());
    for (let at = 0; at < 10; at++) {
      const payload = payloadOf(given, random);
      const value = messages.read(payload, 0, payload.length, 0);
      assert(messages.mapFields(value, (_, each) => each) === value, "nothing changed");
      const written = [payload, messages.write(value, "message"), messages.write(messages.toJson(value), "json")];
      written.forEach((bytes, i) => assertEquals(decoders[i].append(bytes, 0, bytes.length), null));
    }
    const [wanted, ...held] = decoders.map((decoder) => rowsOf(decoder.rows.finish()).map(unordered));
    for (const each of held) assertEquals(each, wanted);
  }
});

Deno.test("ProtobufMessages refuses mutated bytes with a DataError or reads them", () => {
  const random = new Random(9);
  const cases = Array.from({ length: 10 }, () => {
    const given = caseOf(random);
    return { given, messages: messagesOf(given) };
  });
  let refused = 0;
  for (let i = 0; i < 1_000; i++) {
    const { given, messages } = random.pick(cases);
    const bytes = mutate(payloadOf(given, random), random);
    try {
      messages.read(bytes, 0, bytes.length, 0);
    } catch (error) {
      assert(error instanceof DataError);
      refused++;
    }
  }
  assert(refused > 100, String(refused));
});

Deno.test("ProtobufMessages has the JSON of the format's mapping, and refuses what does not fit", () => {
  const schema = parseProto(
    `syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
     message M { int64 order_id = 1; bytes raw = 2; E kind = 3; google.protobuf.Timestamp at = 4;
     google.protobuf.StringValue note = 5; map<int32, uint64> counts = 6; optional int32 n = 7;
     oneof one { int32 a = 8; string b = 9; } } enum E { ZERO = 0; ONE = 1; }`,
  );
  const messages = new ProtobufMessages(schema.messageAt([0]), {});
  const json = {
    orderId: "9007199254740993",
    raw: "/w==",
    kind: "ONE",
    at: "2026-01-31T12:00:00.5Z",
    note: "hi",
    counts: { "3": "18446744073709551615" },
    n: 0,
    b: "",
  };
  const payload = messages.write(json, "json");
  assertEquals(messages.toJson(messages.read(payload, 0, payload.length, 0)), json);
  const unfit = (value: unknown) => {
    try {
      messages.write(value, "json");
    } catch (error) {
      if (error instanceof Unfit) return `${error.path}: ${error.why}`;
      throw error;
    }
    return null;
  };
  assertEquals(unfit({ other: 1 }), "other: is no field of M");
  assertEquals(unfit({ a: 1, b: "x" }), 'b: is set beside "a", and of "one" only one can be');
  assertEquals(unfit({ n: 2 ** 31 }), "n: is 2147483648, expected -2147483648 to 2147483647");
  assertEquals(unfit({ at: "yesterday" }), 'at: is "yesterday", expected a timestamp');
});
