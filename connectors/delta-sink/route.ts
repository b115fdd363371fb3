/**
 * Where rows go within a table: partition columns, derived ones among them, and batches split by their values.
 *
 * | `partition.by` | column | type |
 * |---|---|---|
 * | `country` | `country`, as it is | boolean, integers, decimal, string, date, timestamps |
 * | `date(ts)` | `ts_date` | date, UTC |
 * | `hour(ts)` | `ts_hour` | string `yyyy-MM-dd-HH`, UTC: its order is time's, so that every reader skips by ranges |
 * | `date(kafka.timestamp)`, `hour(kafka.timestamp)` | `kafka_timestamp_date`, `kafka_timestamp_hour` | likewise |
 *
 * @module
 */
import { type Data, type DataType, type Field, makeData, type RecordBatch, Schema, Type } from "apache-arrow";
import { ConfigError, DataError, FatalError, recordBatch, type SinkBatch, types } from "../../mod.ts";
import { formatTimestampMs, isPartitionType, partitionPath, partitionValue } from "./delta/partition_values.ts";
import { validityOf } from "./parquet/arrow_data.ts";
import { KAFKA_TIMESTAMP, parsePartitionBy, type PartitionBy } from "./partition_by.ts";
import type { RejectRecord } from "./project.ts";

/** Rows that go to the same files. */
export interface Group {
  /** The same for the same values. */
  readonly key: string;
  /** Of every partition column, as `add.partitionValues` has them. */
  readonly values: Readonly<Record<string, string | null>>;
  /** Below the table, without a slash at its end; "" without partition columns. */
  readonly directory: string;
  /** Which rows of the batch, ascending; null: all of them. */
  readonly rows: Int32Array | null;
  /** The rows without the partition columns: what goes into the file. */
  readonly data: RecordBatch;
}

/** Routes batches of any schema. */
export interface Router {
  /** The table's partition columns, in order. */
  readonly columns: readonly string[];
  /**
   * The batch with its derived columns at the end. Rejects rows whose date no partition value can hold. Throws
   * ConfigError for a column whose type cannot serve, DataError where the batch lacks the column.
   */
  derive(batch: SinkBatch, reject: RejectRecord): SinkBatch;
  /** The rows by their partition values; `batch` has all partition columns. */
  split(batch: SinkBatch): Group[];
}

/** A router for the values of `partition.by`. Throws ConfigError. */
export function createRouter(texts: readonly string[]): Router {
  const parts = parsePartitionBy(texts);
  const columns = parts.map(({ column }) => column);
  const derivedSchemas = new WeakMap<Schema, Schema>();
  const fileSchemas = new WeakMap<Schema, FileSchema>();

  function derive(batch: SinkBatch, reject: RejectRecord): SinkBatch {
    if (parts.length === 0 || batch.numRows === 0) return batch;
    const { schema } = batch.data;
    const sources = parts.map((part) => sourceOf(part, batch));
    const kept = keepRepresentable(sources, batch, reject);
    if (kept.numRows < batch.numRows) return derive(kept, reject);
    if (parts.every((part) => part.derive === null)) return batch;
    const added = parts.flatMap((part, i) => part.derive === null ? [] : [derivedColumn(part, sources[i]!)]);
    let wanted = derivedSchemas.get(schema);
    if (!wanted) {
      wanted = new Schema([...schema.fields, ...parts.flatMap((part) => derivedField(part, schema))], schema.metadata);
      derivedSchemas.set(schema, wanted);
    }
    return batch.withData(recordBatch(wanted, [...batch.data.data.children, ...added], batch.numRows));
  }

  function split(batch: SinkBatch): Group[] {
    const { data, numRows } = batch;
    if (parts.length === 0) return numRows === 0 ? [] : [group([], null, data)];
    let fileSchema = fileSchemas.get(data.schema);
    if (!fileSchema) fileSchemas.set(data.schema, fileSchema = withoutColumns(data.schema, columns));
    const { schema, kept, partition } = fileSchema;
    const rest = recordBatch(schema, kept.map((i) => data.data.children[i]), numRows);
    const codes = partition.map((i) => encode(data.data.children[i], numRows));
    return groupRows(codes, numRows).map(([row, rows]) =>
      group(codes.map((code) => code.texts[code.codes === null ? 0 : code.codes[row]]), rows, rest)
    );

    function group(texts: (string | null)[], rows: Int32Array | null, rest: RecordBatch): Group {
      const values = Object.fromEntries(columns.map((column, i) => [column, texts[i]]));
      const picked = rows === null ? rest : batch.withData(rest).select(rows).data;
      return { key: JSON.stringify(texts), values, directory: partitionPath(values), rows, data: picked };
    }
  }
  return { columns, derive, split };
}

// ---- derived columns

const MS_PER_HOUR = 3_600_000;
const MS_PER_DAY = 24 * MS_PER_HOUR;

/** When each row is, in ms (null: not a time); null for a column that is taken as it is and always fits. */
type Source = { readonly ms: Float64Array; readonly isNull: (row: number) => boolean } | null;

function sourceOf({ source, derive }: PartitionBy, batch: SinkBatch): Source {
  if (source === KAFKA_TIMESTAMP && derive !== null) {
    return {
      ms: Float64Array.from({ length: batch.numRows }, (_, row) => batch.timestampMs(row)),
      isNull: () => false,
    };
  }
  const { fields } = batch.data.schema;
  const index = fields.findIndex(({ name }) => name.toLowerCase() === source.toLowerCase());
  if (index < 0) {
    throw new DataError(
      `Cannot partition by "${source}": the record has no such field, only ${
        fields.map(({ name }) => name).join(", ")
      }`,
      { reason: "partition column missing", fieldPath: source },
    );
  }
  const data = batch.data.data.children[index];
  const { type } = data;
  const isTime = type.typeId === Type.Date || type.typeId === Type.Timestamp;
  const serves = derive === "hour"
    ? type.typeId === Type.Timestamp
    : derive === "date"
    ? isTime
    : isPartitionType(type);
  if (!serves) {
    throw new ConfigError([{ key: "partition.by", value: entryText(source, derive), why: fixFor(type, derive) }]);
  }
  return isTime ? { ms: milliseconds(data), isNull: nullTest(data) } : null;
}

function fixFor(type: DataType, derive: PartitionBy["derive"]): string {
  if (derive === null) {
    return `a column of type ${type} cannot partition a table; wanted a boolean, integer, decimal, string, date or timestamp`;
  }
  const fix = type.typeId === Type.Int || type.typeId === Type.Utf8
    ? "; make it a timestamp with a TimestampConverter transform"
    : "";
  return `the column's type is ${type}, wanted a timestamp${derive === "date" ? " or date" : ""}${fix}`;
}

function entryText(source: string, derive: PartitionBy["derive"]): string {
  return derive === null ? source : `${derive}(${source})`;
}

function milliseconds(data: Data): Float64Array {
  const ms = new Float64Array(data.length);
  if (data.type.typeId === Type.Date) {
    for (let i = 0; i < ms.length; i++) ms[i] = data.values[i] * MS_PER_DAY;
    return ms;
  }
  // Microseconds divided by 1000 from their halves: exact, where a double of them is not, and without a BigInt a row.
  const micros = data.values as BigInt64Array;
  const words = new Int32Array(micros.buffer, micros.byteOffset, micros.length * 2);
  for (let i = 0; i < ms.length; i++) {
    const low = words[2 * i] >>> 0, high = words[2 * i + 1];
    const whole = Math.floor(high / 1000);
    ms[i] = whole * 4294967296 + Math.floor(((high - whole * 1000) * 4294967296 + low) / 1000);
  }
  return ms;
}

function nullTest(data: Data): (row: number) => boolean {
  const bits = validityOf(data);
  if (bits === null) return () => false;
  return (row) => (bits[(data.offset + row) >> 3] & (1 << ((data.offset + row) & 7))) === 0;
}

function keepRepresentable(sources: readonly Source[], batch: SinkBatch, reject: RejectRecord): SinkBatch {
  const bad = new Set<number>();
  for (const source of sources) {
    if (source === null) continue;
    for (let row = 0; row < batch.numRows; row++) {
      if (bad.has(row) || source.isNull(row) || isRepresentable(source.ms[row])) continue;
      bad.add(row);
      reject(
        batch,
        row,
        new DataError(`Cannot partition by time ${source.ms[row]} ms since 1970: wanted a year of 1 to 9999`, {
          reason: "partition value out of range",
        }),
      );
    }
  }
  if (bad.size === 0) return batch;
  return batch.select(Int32Array.from({ length: batch.numRows }, (_, row) => row).filter((row) => !bad.has(row)));
}

function isRepresentable(ms: number): boolean {
  return ms >= -62_135_596_800_000 && ms < 253_402_300_800_000;
}

function derivedField({ column, derive }: PartitionBy, schema: Schema): Field[] {
  if (derive === null) return [];
  if (schema.fields.some(({ name }) => name.toLowerCase() === column.toLowerCase())) {
    throw new ConfigError([{
      key: "partition.by",
      why: `the records have a column "${column}" already; rename it with a ReplaceField transform, or partition by it`,
    }]);
  }
  return [types.field(column, derive === "date" ? types.date() : types.utf8())];
}

function derivedColumn({ derive }: PartitionBy, source: NonNullable<Source>): Data {
  const { length } = source.ms;
  const nullBitmap = new Uint8Array((length + 7) >> 3);
  let nullCount = 0;
  for (let row = 0; row < length; row++) {
    if (source.isNull(row)) nullCount++;
    else nullBitmap[row >> 3] |= 1 << (row & 7);
  }
  if (derive === "date") {
    const days = Int32Array.from(source.ms, (ms) => Math.floor(ms / MS_PER_DAY));
    return makeData({ type: types.date(), length, nullCount, nullBitmap, data: days });
  }
  const valueOffsets = new Int32Array(length + 1);
  const bytes = new Uint8Array(length * HOUR_BYTES);
  let at = 0, hour = NaN, text = new Uint8Array(0);
  for (let row = 0; row < length; row++) {
    if (!source.isNull(row)) {
      const now = Math.floor(source.ms[row] / MS_PER_HOUR);
      if (now !== hour) text = hourText(hour = now);
      bytes.set(text, at);
      at += HOUR_BYTES;
    }
    valueOffsets[row + 1] = at;
  }
  return makeData({ type: types.utf8(), length, nullCount, nullBitmap, valueOffsets, data: bytes.slice(0, at) });
}

const HOUR_BYTES = "yyyy-MM-dd-HH".length;

function hourText(hour: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(formatTimestampMs(hour * MS_PER_HOUR)!.slice(0, HOUR_BYTES).replace("T", "-"));
}

// ---- groups

interface FileSchema {
  readonly schema: Schema;
  /** Positions of the columns in the file, and of the partition columns in their order. */
  readonly kept: number[];
  readonly partition: number[];
}

function withoutColumns(schema: Schema, columns: readonly string[]): FileSchema {
  const partition = columns.map((column) => {
    const index = schema.fields.findIndex(({ name }) => name.toLowerCase() === column.toLowerCase());
    if (index < 0) {
      throw new FatalError(`Cannot split rows by "${column}": current columns are ${schema.names.join(", ")}`);
    }
    return index;
  });
  const kept = schema.fields.map((_, i) => i).filter((i) => !partition.includes(i));
  if (kept.length === 0) {
    throw new ConfigError([{
      key: "partition.by",
      value: columns.join(", "),
      why: "a column must be left for the files",
    }]);
  }
  return { schema: new Schema(kept.map((i) => schema.fields[i])), kept, partition };
}

/** A column's distinct texts, and which of them each row has; `codes` null: all have the first. */
interface Encoded {
  readonly texts: (string | null)[];
  readonly codes: Int32Array | null;
}

function encode(data: Data, length: number): Encoded {
  const isNull = nullTest(data);
  const same = sameAsPrevious(data);
  const texts: (string | null)[] = [];
  const known = new Map<string | null, number>();
  let codes: Int32Array | null = null, code = 0;
  for (let row = 0; row < length; row++) {
    const nothing = isNull(row);
    if (row === 0 || nothing !== isNull(row - 1) || (!nothing && !same(row))) {
      const text = nothing ? null : partitionValue(data, row);
      const found = known.get(text);
      if (found === undefined) {
        known.set(text, texts.length);
        code = texts.length;
        texts.push(text);
      } else code = found;
      if (codes === null && code !== 0) codes = new Int32Array(length);
    }
    if (codes !== null) codes[row] = code;
  }
  return { texts, codes };
}

/** Whether a row's value is the one before: neighbours mostly are, and then no text is made. */
function sameAsPrevious(data: Data): (row: number) => boolean {
  const { values, valueOffsets } = data;
  switch (data.type.typeId) {
    case Type.Bool:
    case Type.Decimal:
      return () => false;
    case Type.Utf8:
      return (row) => {
        const before = valueOffsets[row - 1], at = valueOffsets[row], size = at - before;
        if (valueOffsets[row + 1] - at !== size) return false;
        for (let i = 0; i < size; i++) if (values[before + i] !== values[at + i]) return false;
        return true;
      };
    default:
      return (row) => values[row] === values[row - 1];
  }
}

/** A first row and all rows (null: every row) of each combination of codes. */
function groupRows(codes: readonly Encoded[], length: number): [first: number, rows: Int32Array | null][] {
  const many = codes.filter(({ codes }) => codes !== null);
  if (length === 0) return [];
  if (many.length === 0) return [[0, null]];
  const numbers = new Map<string, number>();
  const counts: number[] = [];
  const groupOf = new Int32Array(length);
  for (let row = 0; row < length; row++) {
    if (row > 0 && many.every(({ codes }) => codes![row] === codes![row - 1])) {
      counts[groupOf[row] = groupOf[row - 1]]++;
      continue;
    }
    const key = many.map(({ codes }) => codes![row]).join();
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, number = counts.push(0) - 1);
    groupOf[row] = number;
    counts[number]++;
  }
  if (counts.length === 1) return [[0, null]];
  const rows = counts.map((count) => new Int32Array(count));
  const filled = new Int32Array(counts.length);
  for (let row = 0; row < length; row++) rows[groupOf[row]][filled[groupOf[row]]++] = row;
  return rows.map((each) => [each[0], each]);
}
