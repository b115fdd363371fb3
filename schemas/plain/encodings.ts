/**
 * Text in any encoding, into a column of UTF-8 text.
 *
 * @module
 */
import { type BytesColumn, DataError, option } from "../../mod.ts";
import { invalidUtf8 } from "../utf8.ts";

/** The options of `string`. */
export const stringOptions = {
  "converter.encoding": option.string({
    doc: "How text is encoded: UTF-8, ISO-8859-1, US-ASCII, UTF-16 or another name that TextDecoder knows.",
    default: "UTF-8",
    check: encodingProblem,
  }),
};

/** What is wrong with an encoding's name, or null. */
function encodingProblem(name: string): string | null {
  return decoderOf(name) === null ? "is no encoding that is known here, e.g. UTF-8, ISO-8859-1, UTF-16" : null;
}

/** Appends `bytes[start, end)`, or throws DataError where it is malformed. */
export function createTextReader(
  encoding: string,
  column: BytesColumn,
): (bytes: Uint8Array, start: number, end: number) => void {
  const decode = decoderOf(encoding);
  if (decode === null) throw new RangeError(`Cannot decode text in ${encoding}: ${encodingProblem(encoding)}`);
  if (decode === "utf-8") {
    return (bytes, start, end) => {
      checkUtf8(bytes, start, end);
      column.append(bytes, start, end);
    };
  }
  return (bytes, start, end) => {
    let text: string;
    try {
      text = decode(bytes.subarray(start, end));
    } catch (cause) {
      // The platform's decoder says no more than this, by a TypeError.
      if (!(cause instanceof TypeError)) throw cause;
      throw new DataError(`Cannot decode a string: it is malformed as ${encoding}`, { reason: "malformed text" }, {
        cause,
      });
    }
    column.appendString(text);
  };
}

/** Throws DataError, with the first byte at fault, where `bytes[start, end)` is not UTF-8. */
export function checkUtf8(bytes: Uint8Array, start: number, end: number): void {
  const bad = invalidUtf8(bytes, start, end);
  if (bad < 0) return;
  const bytePosition = bad - start;
  const byte = bytes[bad].toString(16).padStart(2, "0");
  throw new DataError(`Cannot decode a string at byte ${bytePosition}: expected UTF-8, found byte 0x${byte}`, {
    reason: "malformed utf-8",
    bytePosition,
  });
}

type Decode = (bytes: Uint8Array) => string;

/** Null: not known. Java's names; what the platform calls `latin1`, `ascii` and `utf-16` is not what Java does. */
function decoderOf(name: string): Decode | "utf-8" | null {
  switch (name.toLowerCase().replaceAll("_", "-")) {
    case "utf-8":
    case "utf8":
      return "utf-8";
    case "iso-8859-1":
    case "latin1":
      return (bytes) => charactersOf(bytes, 0xff, name);
    case "us-ascii":
    case "ascii":
      return (bytes) => charactersOf(bytes, 0x7f, name);
    case "utf-16": {
      const [big, little] = ["utf-16be", "utf-16le"].map((each) => new TextDecoder(each, { fatal: true }));
      // Without a mark the most significant byte comes first.
      return (bytes) => (bytes[0] === 0xff && bytes[1] === 0xfe ? little : big).decode(bytes as BufferSource);
    }
    default:
      try {
        const decoder = new TextDecoder(name, { fatal: true, ignoreBOM: true });
        return (bytes) => decoder.decode(bytes as BufferSource);
      } catch (error) {
        if (error instanceof RangeError) return null;
        throw error;
      }
  }
}

function charactersOf(bytes: Uint8Array, most: number, encoding: string): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] > most) {
      const byte = bytes[i].toString(16);
      throw new DataError(`Cannot decode a string at byte ${i}: expected ${encoding}, found byte 0x${byte}`, {
        reason: "malformed text",
        bytePosition: i,
      });
    }
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}
