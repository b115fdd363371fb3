/**
 * Values as the text that Kafka Connect's SimpleHeaderConverter writes: what a field becomes as a header.
 *
 * | column | text |
 * |---|---|
 * | boolean, integers | `true`, `42` |
 * | float, double | as Java: `1.0`, `1.0E10`, `NaN` |
 * | decimal | as Java: `12.50`, `1E-9` |
 * | string | as it is; within a list, map or struct in quotes |
 * | binary | base64; within others in quotes |
 * | date, timestamp | `2024-02-29`, `2024-02-29T12:00:00.000Z`; an instant of midnight as a date |
 * | list; map, struct | `[1,2]`; `{"a":1}` |
 *
 * Instants before 1970-01-02, which Connect writes as times of day, keep their date here; microseconds are written where there
 * are any.
 *
 * @module
 */
import { type Data, type Field, Type } from "apache-arrow";
import { isNull } from "../api/mod.ts";
import { decimalAt, doubleText, floatText } from "./java_text.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** An entry as UTF-8 text; null for null. */
export function headerText(field: Field, data: Data, index: number): Uint8Array | null {
  if (isNull(data, index)) return null;
  if (field.type.typeId === Type.Utf8) return bytesAt(data, index).slice();
  return ENCODER.encode(text(data, index, false));
}

function text(data: Data, index: number, embedded: boolean): string {
  if (isNull(data, index)) return "null";
  const { type, values } = data;
  const quoted = (plain: string) => embedded ? `"${plain}"` : plain;
  switch (type.typeId) {
    case Type.Bool:
      return String((values[(data.offset + index) >> 3] & 1 << ((data.offset + index) & 7)) !== 0);
    case Type.Int:
      return String(values[index]);
    case Type.Float:
      return ((type as unknown as { precision: number }).precision === 1 ? floatText : doubleText)(values[index]);
    case Type.Decimal:
      return decimalAt(values, index, (type as unknown as { scale: number }).scale);
    case Type.Date:
      return dayText(BigInt(values[index]) * DAY);
    case Type.Timestamp:
      return instantText(values[index], (type as unknown as { timezone: string | null }).timezone !== null);
    case Type.Utf8: {
      const plain = DECODER.decode(bytesAt(data, index));
      return embedded ? `"${plain.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : plain;
    }
    case Type.Binary:
      return quoted(bytesAt(data, index).toBase64());
    case Type.List:
      return `[${entriesOf(data, index).map((at) => text(data.children[0], at, true)).join(",")}]`;
    case Type.Map: {
      const [keys, entries] = data.children[0].children;
      return `{${entriesOf(data, index).map((at) => `${text(keys, at, true)}:${text(entries, at, true)}`).join(",")}}`;
    }
    case Type.Struct: {
      const fields = type.children as Field[];
      const parts = fields.map(({ name }, i) =>
        `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}":${text(data.children[i], index, true)}`
      );
      return `{${parts.join(",")}}`;
    }
    default:
      throw new TypeError(`Cannot write a ${type} as a header: it is none of the framework's types`);
  }
}

const DAY = 86_400_000_000n;

function instantText(micros: bigint, hasZone: boolean): string {
  const ofDay = ((micros % DAY) + DAY) % DAY;
  if (ofDay === 0n && micros >= DAY) return dayText(micros);
  const ms = ofDay / 1000n, rest = ofDay % 1000n;
  const time = new Date(Number(ms)).toISOString().slice("1970-01-01".length, -1);
  return `${dayText(micros - ofDay)}${time}${rest === 0n ? "" : String(rest).padStart(3, "0")}${hasZone ? "Z" : ""}`;
}

function dayText(micros: bigint): string {
  const date = new Date(Number(micros / 1000n));
  return Number.isNaN(date.getTime())
    ? `${micros} microseconds`
    : date.toISOString().slice(0, -"T00:00:00.000Z".length);
}

function bytesAt({ values, valueOffsets }: Data, index: number): Uint8Array {
  return values.subarray(valueOffsets[index], valueOffsets[index + 1]);
}

function entriesOf({ valueOffsets }: Data, index: number): number[] {
  return Array.from({ length: valueOffsets[index + 1] - valueOffsets[index] }, (_, i) => valueOffsets[index] + i);
}
