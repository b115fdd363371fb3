/**
 * Readers of what a schema says is a string.
 *
 * @module
 */
import { mismatch, type Reader } from "../readers.ts";

/**
 * Takes strings alone, where columns of text take anything. `isTimestamp`: also of timestamps only what RFC 3339 has,
 * which writes seconds always, and their fraction behind a point.
 */
export function stringReader(reader: Reader, isTimestamp: boolean): Reader {
  const { path, nullable, column } = reader;
  return {
    path,
    nullable,
    column,
    // What is plainly a string needs no look.
    plain: isTimestamp ? undefined : reader.plain,
    read(scan) {
      const at = scan.pos;
      if (scan.bytes[at] !== 0x22) throw mismatch(scan, path, "a string");
      reader.read(scan);
      if (!isTimestamp) return;
      const { text, textStart } = scan;
      if (text[textStart + 16] === 0x3a && text[textStart + 19] !== 0x2c) return;
      scan.pos = at;
      throw scan.error("type mismatch", "expected a timestamp as RFC 3339 writes it: 2024-01-31T12:00:00.000Z", path);
    },
  };
}
