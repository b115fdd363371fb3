/**
 * Partition values as text (Delta protocol, "Partition Value Serialization") and as folders. Null and the
 * empty string are both null.
 *
 * @module
 */
import { type Data, type DataType, Type } from "apache-arrow";
import { DataError } from "../../../mod.ts";
import { decimalAt } from "../parquet/extent.ts";

/** Whether a column of this type can partition a table here. */
export function isPartitionType(type: DataType): boolean {
  switch (type.typeId) {
    case Type.Bool:
    case Type.Int:
    case Type.Decimal:
    case Type.Utf8:
    case Type.Date:
    case Type.Timestamp:
      return true;
    default:
      return false;
  }
}

/**
 * The text of an entry that is not null, for `add.partitionValues`; null for an empty string. Throws DataError for a
 * date that the text cannot hold.
 */
export function partitionValue(data: Data, index: number): string | null {
  const { type, values } = data;
  switch (type.typeId) {
    case Type.Bool:
      return ((values[(data.offset + index) >> 3] & (1 << ((data.offset + index) & 7))) !== 0).toString();
    case Type.Int:
      return values[index].toString();
    case Type.Decimal:
      return unscaledText(decimalAt(values as Uint32Array, index), (type as unknown as { scale: number }).scale);
    case Type.Utf8: {
      const bytes = (values as Uint8Array).subarray(data.valueOffsets[index], data.valueOffsets[index + 1]);
      return bytes.length === 0 ? null : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    }
    case Type.Date:
      return required(formatDate(values[index]), type, values[index]);
    case Type.Timestamp: {
      const micros = values[index] as bigint;
      const utc = (type as unknown as { timezone: string | null }).timezone !== null;
      return required(formatTimestamp(micros, utc), type, micros);
    }
    default:
      throw new Error(`A column of type ${type} cannot partition a table (isPartitionType)`);
  }
}

/**
 * The folders of a file below its table, e.g. `date=2026-11-21/country=CH`; "" without partition columns. A convention
 * only: readers take `partitionValues`. Escaped like Hive's; over-long ones are cut, a file's name is unique anyway.
 */
export function partitionPath(values: Readonly<Record<string, string | null>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${folderName(`${escapeHive(name)}=${value === null ? NULL_FOLDER : escapeHive(value)}`)}`)
    .join("/");
}

/** Days since 1970 as `yyyy-MM-dd`; null outside of the years 1 to 9999, which the form cannot hold. */
export function formatDate(days: number): string | null {
  return formatTimestampMs(days * 86_400_000)?.slice(0, 10) ?? null;
}

/** Milliseconds since 1970 as `yyyy-MM-ddTHH:mm:ss.SSS`; null outside of the years 1 to 9999. */
export function formatTimestampMs(ms: number): string | null {
  return ms < YEAR_1_MS || ms >= YEAR_10000_MS ? null : new Date(ms).toISOString().slice(0, 23);
}

/** The number `unscaled / 10^scale` with exactly `scale` digits after the point. */
export function unscaledText(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString();
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__";
const YEAR_1_MS = -62_135_596_800_000;
const YEAR_10000_MS = 253_402_300_800_000;
/** What file systems hold as one name. */
const FOLDER_BYTES_MAX = 255;

/** UTC: ISO 8601 with microseconds. Local: `yyyy-MM-dd HH:mm:ss.ffffff`, the fraction only where there is one. */
function formatTimestamp(micros: bigint, utc: boolean): string | null {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = formatTimestampMs(Number((micros - fraction) / 1000n))?.slice(0, 19);
  if (seconds === undefined) return null;
  const digits = fraction.toString().padStart(6, "0");
  if (utc) return `${seconds}.${digits}Z`;
  return seconds.replace("T", " ") + (fraction === 0n ? "" : `.${digits}`);
}

function required(text: string | null, type: DataType, value: unknown): string {
  if (text !== null) return text;
  throw new DataError(`Cannot write ${value} as a partition value of type ${type}: wanted a year of 1 to 9999`, {
    reason: "partition value out of range",
  });
}

/** Hive's characters: control characters and those that mean something in paths, patterns and URIs. */
// deno-lint-ignore no-control-regex -- control characters are among them
const ESCAPED = /[\u0001-\u001f"#%'*/:=?\\\u007f{[\]^]/g;

function escapeHive(text: string): string {
  return text.replace(ESCAPED, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}

function folderName(name: string): string {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= FOLDER_BYTES_MAX) return name;
  let end = FOLDER_BYTES_MAX;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}
