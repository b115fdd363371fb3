import { assert } from "@std/assert";
import fc from "fast-check";
import { compareRuns, mutate, runOf } from "../runs_test_support.ts";
import { caseOf, payloadOf, specialCase, specialValue } from "./cases_test_support.ts";
import { Decoder } from "./decoder.ts";
import { parseProto } from "./proto.ts";
import { encode, Random } from "./test_support.ts";

Deno.test("generate() reads what the reference reads, with the same columns, for random schemas", () => {
  let [byCode, left] = [0, 0];
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const each = caseOf(random);
      const slabs = Array.from({ length: 3 }, () => {
        return runOf(Array.from({ length: 1 + random.below(20) }, () => payloadOf(each, random)), random);
      });
      const run = compareRuns(each.decoder, slabs);
      byCode += run.byCode;
      left += run.left;
    }),
    { numRuns: 150, seed: 41 },
  );
  // A third of the payloads are two that are to be merged.
  assert(byCode > 2_000 && left < byCode, `${byCode} were read by code, ${left} left`);
});

Deno.test("generate() leaves mutated payloads to the reference: the same errors, the same columns", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const isSpecial = random.once(4);
      const each = isSpecial ? specialCase() : caseOf(random);
      const payload = () => isSpecial ? encode(each.type, specialValue(random)) : payloadOf(each, random);
      const slabs = Array.from({ length: 4 }, () => {
        const payloads = Array.from({ length: 1 + random.below(20) }, payload);
        return runOf(payloads.map((bytes) => random.once(2) ? mutate(bytes, random) : bytes), random);
      });
      compareRuns(each.decoder, slabs);
    }),
    { numRuns: 200, seed: 42 },
  );
});

Deno.test("generate() splits what is wide: 300 columns, of messages in lists and maps too, of one oneof", () => {
  const random = new Random(5);
  const types = ["int64", "string", "double", "optional int64", "optional string", "bool", "repeated sint32"];
  const fields = Array.from({ length: 300 }, (_, i) => `${random.pick(types)} f${i} = ${i + 1};`);
  const members = Array.from({ length: 100 }, (_, i) => `int64 m${i} = ${i + 1};`);
  const bodies = [
    `message M { ${fields.join(" ")} }`,
    `message M { Wide one = 1; repeated Wide wide = 2; map<string, Wide> by = 3; message Wide { ${
      fields.join(" ")
    } } }`,
    `message M { oneof one { ${members.join(" ")} } }`,
  ];
  for (const body of bodies) {
    const each = caseOf(random, `syntax = "proto3"; package t.u; ${body}`);
    const payloads = Array.from({ length: 40 }, () => payloadOf(each, random, false));
    const mixed = payloads.map((payload) => random.once(3) ? mutate(payload, random) : payload);
    const { byCode } = compareRuns(each.decoder, [runOf(payloads, random), runOf(mixed, random)]);
    assert(byCode > 39, `${byCode} were read by code`);
  }
});

Deno.test("generate() takes varints of any size only where the type has as many bits", () => {
  const random = new Random(8);
  const types = ["int32", "uint32", "sint32", "int64", "uint64", "sint64", "bool", "E"];
  for (const type of types) {
    const declared =
      `${type} one = 1; repeated ${type} many = 2; map<string, ${type}> by = 3; optional ${type} may = 4;`;
    const each = caseOf(
      random,
      `syntax = "proto3"; package t.u; enum E { A = 0; B = 1; C = -3; } message M { ${declared} }`,
    );
    const number = () => varint(random.pick([random.long(), BigInt(random.below(9)), 2n ** BigInt(random.below(64))]));
    const sized = (tag: number, bytes: number[]) => [tag, ...varint(BigInt(bytes.length)), ...bytes];
    const payloads = Array.from({ length: 300 }, () => {
      const parts = [
        [0x08, ...number()],
        [0x10, ...number()],
        sized(0x12, [...number(), ...number()]),
        sized(0x1a, [0x0a, 1, 0x61 + random.below(2), 0x10, ...number()]),
        sized(0x1a, [0x0a, 1, 0x63, 0x10, ...number()]),
        [0x20, ...number()],
      ];
      return Uint8Array.from(parts.filter(() => random.once(2)).flat());
    });
    const { byCode } = compareRuns(each.decoder, [runOf(payloads, random)]);
    assert(byCode > 5, `${byCode} of ${type} were read by code`);
  }
});

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

Deno.test("generate() reads fields in any order and skips unknown ones", () => {
  const random = new Random(6);
  const text = (body: string) => `syntax = "proto3"; package t.u; message M { ${body} }`;
  const each = caseOf(random, text("string a = 1; int64 b = 2; optional double c = 30; bool d = 4000;"));
  const field = (tag: number[], ...rest: number[]) => [...tag, ...rest];
  const parts = [
    field([0x0a], 2, 0x61, 0x62),
    field([0x10], 0x96, 0x01),
    field([0xf1, 0x01], ...new Uint8Array(new Float64Array([1.5]).buffer)),
    field([0x80, 0xfa, 0x01], 1),
    field([0x1a], 3, 1, 2, 3),
    field([0x23, 0x08, 1, 0x24]),
  ];
  const payloads = Array.from({ length: 200 }, () => {
    return Uint8Array.from(parts.filter(() => !random.once(4)).toSorted(() => random.next() - 0.5).flat());
  });
  const { left } = compareRuns(each.decoder, [runOf(payloads, random)]);
  assert(left === 0, `${left} were left`);
});

Deno.test("generate() counts values that are left out, as the reference does", () => {
  const fields = Array.from({ length: 2_000 }, (_, i) => `optional bool f${i} = ${i + 1};`).join(" ");
  const text = `syntax = "proto3"; message Row { repeated Wide wide = 1; message Wide { ${fields} } }`;
  const schema = parseProto(text);
  const empties = (count: number) => new Uint8Array(2 * count).map((_, i) => i % 2 === 0 ? 0x0a : 0);
  const make = () => new Decoder(schema.messageAt([0]), schema);
  compareRuns(make, [runOf([empties(5), empties(9_000), empties(7)], new Random(1))]);
});
