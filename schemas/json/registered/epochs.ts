/**
 * Readers of Connect's dates and timestamps: integers since 1970.
 *
 * @module
 */
import type { Field } from "apache-arrow";
import { createColumn, type NumberColumn, type WordsColumn } from "../../../mod.ts";
import { mismatch, type Reader, unscaled } from "../readers.ts";

/** Days into a date, or milliseconds into a timestamp. */
export function epochReader({ type, nullable }: Field, path: string, unit: "epoch-days" | "epoch-millis"): Reader {
  const column = createColumn(type) as NumberColumn | WordsColumn;
  const wanted = unit === "epoch-days" ? "days since 1970, of 32 bits" : "milliseconds since 1970";
  return {
    path,
    nullable,
    column,
    read(scan) {
      const at = scan.pos;
      const byte = scan.bytes[at];
      if (byte !== 0x2d && (byte < 0x30 || byte > 0x39)) throw mismatch(scan, path, wanted);
      scan.number();
      const whole = unscaled(scan, 0);
      const value = typeof whole === "bigint" ? unit === "epoch-days" ? whole : whole * 1000n : null;
      if (value === null || BigInt.asIntN(unit === "epoch-days" ? 32 : 64, value) !== value) {
        scan.pos = at;
        throw scan.error("number out of range", `expected ${wanted}`, path);
      }
      if (unit === "epoch-days") (column as NumberColumn).append(Number(value));
      else (column as WordsColumn).appendBigInt(value);
    },
  };
}
