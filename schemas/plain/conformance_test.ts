import { converterConformance } from "../../tests/conformance/converter.ts";
import { contextOf } from "../testing.ts";
import { bytesConverter, NUMBER_CONVERTERS, stringConverter } from "./mod.ts";

const TEXT = new TextEncoder();

converterConformance("string", {
  make: () => Promise.resolve(stringConverter.create({ "converter.encoding": "UTF-8" }, contextOf())),
  samples: [{ good: ["", "plain", "grün 🚀"].map((text) => ({ bytes: TEXT.encode(text), row: { value: text } })) }],
  bad: [[0xff], [0x61, 0xc0, 0x80], [0xe2, 0x82]].map((bytes) => Uint8Array.from(bytes)),
});

// Any bytes are good.
converterConformance("bytes", {
  make: () => Promise.resolve(bytesConverter.create({}, contextOf())),
  samples: [{
    good: [[], [0, 255], [1, 2, 3]].map((bytes) => ({
      bytes: Uint8Array.from(bytes),
      row: { value: Uint8Array.from(bytes).toHex() },
    })),
  }],
  bad: [],
});

/** By name: hex and what it is; then hex that no value has. */
const NUMBERS: Readonly<Record<string, [good: [string, number | bigint | boolean][], bad: string[]]>> = {
  short: [[["8000", -32768], ["0102", 258]], ["", "01", "010203"]],
  integer: [[["80000000", -(2 ** 31)], ["00000001", 1]], ["", "0102", "0102030405"]],
  long: [[["8000000000000000", -(2n ** 63n)], ["00000000ffffffff", 4294967295n], ["ffffffffffffffff", -1n]], ["00"]],
  float: [[["3fc00000", 1.5], ["7f800000", Infinity]], ["3fc0"]],
  double: [[["3ff8000000000000", 1.5], ["8000000000000000", -0]], ["3ff80000"]],
  boolean: [[["01", true], ["00", false]], ["", "02", "0101"]],
};

for (const converter of NUMBER_CONVERTERS) {
  const [good, bad] = NUMBERS[converter.name];
  converterConformance(converter.name, {
    make: () => Promise.resolve(converter.create({}, contextOf())),
    samples: [{ good: good.map(([hex, value]) => ({ bytes: Uint8Array.fromHex(hex), row: { value } })) }],
    bad: bad.map((hex) => Uint8Array.fromHex(hex)),
  });
}
