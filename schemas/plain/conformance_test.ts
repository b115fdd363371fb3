import { converterConformance } from "../../tests/conformance/converter.ts";
import { contextOf } from "../testing.ts";
import { bytesConverter, stringConverter } from "./mod.ts";

const TEXT = new TextEncoder();

converterConformance("string", {
  make: () => Promise.resolve(stringConverter.create({}, contextOf())),
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
