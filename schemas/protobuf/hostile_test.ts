import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../../mod.ts";
import { Decoder } from "./decoder.ts";
import { parseProto } from "./proto.ts";

/** A field of a length, behind its tag. */
function sized(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag];
  for (let rest = length; head.length === 1 || rest > 0; rest >>>= 7) {
    head.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  }
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function decoderOf(body: string): Decoder {
  const schema = parseProto(`syntax = "proto3"; ${body}`);
  return new Decoder(schema.messageAt([0]), schema);
}

const reasonOf = (decoder: Decoder, payload: Uint8Array) =>
  decoder.append(payload, 0, payload.length)?.details.reason ?? null;

Deno.test("maps within each other that repeat their keys do not multiply the work without end", () => {
  const decoderFor = (levels: number) => {
    const maps = Array.from({ length: levels }, (_, i) => `message M${i} { map<string, M${i + 1}> m = 1; }`);
    return decoderOf(`${maps.join(" ")} message M${levels} { int32 x = 1; }`);
  };
  const payloadOf = (levels: number) => {
    let payload: Uint8Array = new Uint8Array(0);
    const empty = sized(0x0a);
    for (let i = 0; i < levels; i++) {
      const entry = sized(0x0a, sized(0x12, payload));
      payload = Uint8Array.of(...empty, ...entry);
    }
    return payload;
  };
  assertEquals(reasonOf(decoderFor(3), payloadOf(3)), null);
  assertEquals(reasonOf(decoderFor(40), payloadOf(40)), "too many repeated keys");
});

Deno.test("an Any within an Any, each as deep as can be, does not exhaust the stack", () => {
  const decoder = decoderOf(`import "google/protobuf/any.proto"; message Row { google.protobuf.Any any = 2; }
    message M { M child = 1; google.protobuf.Any any = 2; }`);
  const name = sized(0x0a, new TextEncoder().encode("t/M"));
  const payloadOf = (anys: number, levels: (at: number) => number) => {
    let message: Uint8Array = new Uint8Array(0);
    for (let at = anys; at > 0; at--) {
      for (let level = levels(at); level > 0; level--) message = sized(0x0a, message);
      message = sized(0x12, name, sized(0x12, message));
    }
    return message;
  };
  assertEquals(reasonOf(decoder, payloadOf(2, () => 20)), null);
  assertEquals(reasonOf(decoder, payloadOf(95, (at) => 98 - at)), "nested too deeply");
});

Deno.test("few bytes do not stand for values without number", () => {
  const fields = Array.from({ length: 2_000 }, (_, i) => `optional bool f${i} = ${i + 1};`).join(" ");
  const wide = decoderOf(`message Row { repeated Wide wide = 1; } message Wide { ${fields} }`);
  const empties = (count: number) => new Uint8Array(2 * count).map((_, i) => i % 2 === 0 ? 0x0a : 0);
  assertEquals(reasonOf(wide, empties(100)), null);
  assertEquals(wide.rows.length, 1);
  assertEquals(reasonOf(wide, empties(9_000)), "too many values");
  assertEquals(wide.rows.length, 1);
});

Deno.test("a field named __proto__ is refused, not lost; other names of JavaScript's are names", () => {
  const body = (name: string) => `message A { int32 x = 1; string ${name} = 2; }`;
  const { message, details } = assertThrows(() => decoderOf(body("__proto__")), DataError);
  assertEquals(details.reason, "invalid schema");
  assertStringIncludes(message, "__proto__");
  for (const name of ["constructor", "toString", "hasOwnProperty"]) {
    assertEquals(decoderOf(body(name)).rows.schema.fields.map((field) => field.name), ["x", name]);
    assertThrows(() => decoderOf(`import "${name}"; message A { B b = 1; }`), DataError, `imports "${name}"`);
  }
});

Deno.test("a schema of bad types is refused before an Any can name one, a long chain of types is none", () => {
  const bad = `import "google/protobuf/any.proto"; message Row { google.protobuf.Any any = 1; }
    message M { message E { option map_entry = true; int32 key = 1; } repeated E e = 1; }`;
  assertEquals(assertThrows(() => decoderOf(bad), DataError).details.reason, "invalid schema");
  const chain = Array.from({ length: 20_000 }, (_, i) => `message M${i} { M${i + 1} m = 1; }`).join(" ");
  const decoder = decoderOf(`import "google/protobuf/any.proto"; message Row { google.protobuf.Any any = 1; }
    ${chain} message M20000 { int32 x = 1; }`);
  const named = sized(0x0a, sized(0x0a, new TextEncoder().encode("t/M0")), sized(0x12));
  assertEquals(reasonOf(decoder, named), null);
});
