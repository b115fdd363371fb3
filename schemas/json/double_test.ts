import { assert, assertEquals } from "@std/assert";
import { numberEnd, readDouble } from "./double.ts";
import { Chance } from "./topics_fixture.ts";

const TEXT = new TextEncoder();

/** Numbers of many kinds, as texts. */
const KINDS: Readonly<Record<string, (chance: Chance) => string>> = {
  "of 16 to 17 digits": (chance) => JSON.stringify(chance.next()),
  "of any bits": (chance) => {
    const value = new Float64Array(new Uint32Array([chance.next() * 2 ** 32, chance.next() * 2 ** 32]).buffer)[0];
    return Number.isFinite(value) ? JSON.stringify(value) : "0";
  },
  "with cents": (chance) => `${chance.is(0.5) ? "-" : ""}${chance.below(1e6)}.${chance.digits(2)}`,
  "of any length": (chance) => `${chance.below(1e9)}.${chance.digits(1 + chance.below(30))}e${chance.below(80) - 40}`,
  "of any exponent": (chance) =>
    `${1 + chance.below(9)}.${chance.digits(1 + chance.below(18))}E${chance.below(640) - 320}`,
  "in the middle of two doubles, or close to it": (chance) => {
    const shift = chance.below(30);
    const odd = 2n * BigInt(2 ** 52 + chance.below(2 ** 52)) + 1n;
    const digits = (odd * 5n ** BigInt(shift + 1)).toString().padStart(shift + 3, "0");
    return `${digits.slice(0, -(shift + 1))}.${digits.slice(-(shift + 1))}`.slice(0, 19 + chance.below(14));
  },
  "in integers": (chance) => `${1 + chance.below(9)}${chance.digits(chance.below(16))}`,
};

for (const [kind, make] of Object.entries(KINDS)) {
  Deno.test(`readDouble() gives what Number() gives of numbers ${kind}, or NaN`, () => {
    const chance = new Chance(kind.length);
    let certain = 0;
    for (let i = 0; i < 5_000; i++) {
      const text = make(chance);
      if (text.endsWith(".")) continue;
      const value = read(text);
      if (Number.isNaN(value)) continue;
      certain++;
      assert(Object.is(value, Number(text)), `${text} gave ${value}`);
      assertEquals(numberEnd[0], text.length);
    }
    assert(certain > 1_000, `${certain} were read`);
  });
}

Deno.test("readDouble() reads what is usual itself", () => {
  for (const text of ["0", "-0", "1", "12.34", "0.1234567890123456", "0.12345678901234567", "1e-7", "1.5e+200"]) {
    assert(Object.is(read(text), Number(text)), text);
  }
  for (const text of ["", "-", "+1", "01", "-01", ".5", "1.", "1.e5", "1e", "1e+", "x", "1e400", "NaN"]) {
    const value = read(text);
    assert(Number.isNaN(value) || numberEnd[0] !== text.length, `${text} gave ${value}`);
  }
});

function read(text: string): number {
  const bytes = TEXT.encode(`${text}}`);
  return readDouble(bytes, new DataView(bytes.buffer), 0, bytes.length);
}
