import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { crc32c } from "./crc32c.ts";

/** Bit by bit, as the definition says: polynomial 0x1EDC6F41, reflected, begun with and inverted by all ones. */
function reference(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function pseudorandom(length: number, seed: number): Uint8Array {
  let state = seed >>> 0;
  return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
}

Deno.test("crc32c() gives the check value of the standard", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(0)), 0);
});

Deno.test("crc32c() equals the bitwise reference for any bytes, range and length", () => {
  const length = fc.oneof(fc.nat(40), fc.nat(3_000), fc.nat(60_000));
  fc.assert(
    fc.property(length, fc.nat(70), fc.nat(), fc.constantFrom("random", "zeros", "ones"), (size, start, seed, kind) => {
      const bytes = pseudorandom(start + size + 9, seed);
      if (kind !== "random") bytes.fill(kind === "zeros" ? 0 : 255);
      const range = bytes.slice(start, start + size);
      assertEquals(crc32c(bytes, start, start + size), reference(range));
    }),
    { numRuns: 150 },
  );
});

Deno.test("crc32c() equals the bitwise reference at every length where its way of counting changes", () => {
  const bytes = pseudorandom(2 * 16_384 + 3_000, 7);
  const lengths = [1264, 1264 + 512, 16_384 + 1264, 2 * 16_384 + 1264].flatMap((at) =>
    Array.from({ length: 50 }, (_, i) => at - 25 + i)
  );
  for (const length of lengths) {
    assertEquals(crc32c(bytes, 3, 3 + length), reference(bytes.subarray(3, 3 + length)), `${length} bytes`);
  }
});

Deno.test("crc32c() notices any flipped bit of a batch", () => {
  const bytes = pseudorandom(40_000, 11);
  const right = crc32c(bytes);
  fc.assert(fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
    bytes[at] ^= 1 << bit;
    const wrong = crc32c(bytes);
    bytes[at] ^= 1 << bit;
    return wrong !== right;
  }));
  assertEquals(crc32c(bytes), right);
});
