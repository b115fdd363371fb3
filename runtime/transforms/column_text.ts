/**
 * Columns as text, for Cast: as Java writes each type, with days and times as ISO 8601 and bytes as base64.
 *
 * @module
 */
import { type Data, type DataType, Type } from "apache-arrow";
import { BytesColumn, isNull, types } from "../api/mod.ts";
import { decimalAt, doubleText, floatText } from "./java_text.ts";

/** Writes an entry; null: the calendar has no such day. */
type TextOf = (data: Data, index: number) => string | null;

/** The column as strings; what no text can say is refused and becomes null. */
export function columnText(data: Data, refuse: (index: number) => void): Data {
  const textOf = textOfType(data.type);
  const column = new BytesColumn(types.utf8());
  for (let i = 0; i < data.length; i++) {
    const text = isNull(data, i) ? null : textOf(data, i);
    if (text !== null) column.appendString(text);
    else {
      column.appendNull();
      refuse(i);
    }
  }
  return column.finish();
}

function textOfType(type: DataType): TextOf {
  switch (type.typeId) {
    case Type.Bool:
      return ({ values, offset }, i) => String((values[(offset + i) >> 3] >> ((offset + i) & 7) & 1) === 1);
    case Type.Float:
      return (type as unknown as { precision: number }).precision === 1
        ? ({ values }, i) => floatText(values[i])
        : ({ values }, i) => doubleText(values[i]);
    case Type.Decimal: {
      const { scale } = type as unknown as { scale: number };
      return ({ values }, i) => decimalAt(values, i, scale);
    }
    case Type.Date:
      return ({ values }, i) => isoText(values[i] * 86_400_000)?.slice(0, -"T00:00:00.000Z".length) ?? null;
    case Type.Timestamp: {
      const zone = (type as unknown as { timezone: string | null }).timezone === null ? "" : "Z";
      return ({ values }, i) => timestampText(values[i], zone);
    }
    case Type.Binary:
      return ({ values, valueOffsets }, i) => values.subarray(valueOffsets[i], valueOffsets[i + 1]).toBase64();
    default:
      return ({ values }, i) => String(values[i]);
  }
}

/** To the millisecond, or the microsecond where there are some. */
function timestampText(micros: bigint, zone: string): string | null {
  const below = Number(((micros % 1000n) + 1000n) % 1000n);
  const text = isoText(Number((micros - BigInt(below)) / 1000n));
  return text && text.slice(0, -1) + (below === 0 ? "" : String(below).padStart(3, "0")) + zone;
}

function isoText(ms: number): string | null {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}
