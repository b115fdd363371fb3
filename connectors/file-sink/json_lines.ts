/**
 * Rows as JSON text, straight from the columns. Integers and decimals are written digit for digit, whatever their size;
 * times as ISO 8601; bytes as base64; maps as lists of pairs; NaN and the infinities, which JSON lacks, as strings.
 *
 * @module
 */
import { type Data, type Field, Type } from "apache-arrow";
import { isNull, type SinkBatch } from "../../mod.ts";

/** One record: where it is from, and its value; null for a tombstone. Ends with a newline. */
export function jsonLine(batch: SinkBatch, row: number): string {
  const ms = batch.timestampMs(row);
  const timestamp = ms < 0 ? "null" : `"${isoText(BigInt(ms) * 1000n)}"`;
  const value = batch.isTombstone(row) ? "null" : object(batch.data.schema.fields, batch.data.data.children, row);
  return `{"offset":${batch.offset(row)},"timestamp":${timestamp},"value":${value}}\n`;
}

function object(fields: readonly Field[], columns: readonly Data[], index: number): string {
  return `{${fields.map(({ name }, i) => `${JSON.stringify(name)}:${text(columns[i], index)}`).join(",")}}`;
}

function text(data: Data, index: number): string {
  if (isNull(data, index)) return "null";
  const { type, values } = data;
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Bool:
      return String((values[(data.offset + index) >> 3] & 1 << ((data.offset + index) & 7)) !== 0);
    case Type.Int:
      return String(values[index]);
    case Type.Float:
      return Number.isFinite(values[index]) ? String(values[index]) : `"${values[index]}"`;
    case Type.Date:
      return `"${isoText(BigInt(values[index]) * 86_400_000_000n).slice(0, -"T00:00:00Z".length)}"`;
    case Type.Timestamp: {
      const iso = isoText(values[index]);
      return `"${(type as unknown as { timezone: string | null }).timezone ? iso : iso.slice(0, -1)}"`;
    }
    case Type.Decimal:
      return decimalText(values.subarray(index * 4, index * 4 + 4), (type as unknown as { scale: number }).scale);
    case Type.Utf8:
      return JSON.stringify(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesAt(data, index)));
    case Type.Binary:
      return `"${bytesAt(data, index).toBase64()}"`;
    case Type.Struct:
      return object(children, data.children, index);
    case Type.List:
      return `[${entries(data, index).map((at) => text(data.children[0], at)).join(",")}]`;
    case Type.Map: {
      const [key, value] = data.children[0].children;
      return `[${entries(data, index).map((at) => `[${text(key, at)},${text(value, at)}]`).join(",")}]`;
    }
    default:
      throw new TypeError(`Cannot write a ${type} as JSON: it is none of the framework's types`);
  }
}

/** To the second, or with as many digits of a fraction as there are; digits alone beyond the years of a calendar. */
function isoText(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((micros - fraction) / 1000n));
  if (Number.isNaN(date.getTime())) return `${micros} microseconds`;
  const seconds = date.toISOString().slice(0, -".000Z".length);
  return fraction === 0n ? `${seconds}Z` : `${seconds}.${`${fraction}`.padStart(6, "0").replace(/0+$/, "")}Z`;
}

function decimalText(words: Uint32Array, scale: number): string {
  let value = 0n;
  for (let word = 3; word >= 0; word--) value = value << 32n | BigInt(words[word]);
  value = BigInt.asIntN(128, value);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const sign = value < 0n ? "-" : "";
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function bytesAt({ values, valueOffsets }: Data, index: number): Uint8Array {
  return values.subarray(valueOffsets[index], valueOffsets[index + 1]);
}

function entries({ valueOffsets }: Data, index: number): number[] {
  return Array.from({ length: valueOffsets[index + 1] - valueOffsets[index] }, (_, i) => valueOffsets[index] + i);
}
