/**
 * Rows as objects <-> a Parquet file: the only door to hyparquet and hyparquet-writer for what is not data, i.e.
 * checkpoints. 64 bit integers are bigints on the way out; on the way in numbers are fine too.
 *
 * @module
 */
import { type DecodedArray, parquetMetadataAsync, parquetReadObjects, type SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { gunzipSync, zstdDecompressSync } from "node:zlib";

/** The type of a value. A map has string keys, is written from an object and read as one. */
export type RowType =
  | "boolean"
  | "int"
  | "long"
  | "string"
  | { readonly list: RowType }
  | { readonly map: RowType }
  | { readonly struct: readonly RowField[] };

/** A named value; nullable unless required. */
export interface RowField {
  readonly name: string;
  readonly type: RowType;
  readonly required?: boolean;
}

/** A row: absent and null are the same. */
export type Row = Readonly<Record<string, unknown>>;

/** One Parquet file (snappy) of all rows. */
export function encodeRows(fields: readonly RowField[], rows: readonly Row[]): Uint8Array {
  const schema: SchemaElement[] = [{ name: "root", num_children: fields.length }];
  for (const field of fields) appendSchema(field, schema);
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({ writer, schema, statistics: false, createdBy: "sluice" });
  const columnData = fields.map(({ name, type }) => ({
    name,
    data: rows.map((row) => converted(row[name], type)) as DecodedArray,
    offsetIndex: false,
  }));
  parquet.write({ columnData, rowGroupSize: 100_000 });
  parquet.finish();
  return writer.getBytes();
}

/** All rows of a file, or some top-level columns of them; columns that the file lacks are left out. */
export async function decodeRows(bytes: Uint8Array, columns?: readonly string[]): Promise<Row[]> {
  const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  const file = {
    byteLength: whole.byteLength,
    slice: (start: number, end?: number) => whole.buffer.slice(start, end) as ArrayBuffer,
  };
  const metadata = await parquetMetadataAsync(file);
  const present = topLevel(metadata.schema);
  const compressors = {
    GZIP: (input: Uint8Array) => new Uint8Array(gunzipSync(input)),
    ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)),
  };
  const wanted = columns?.filter((name) => present.includes(name)) ?? present;
  if (wanted.length === 0) return [];
  return await parquetReadObjects({ file, metadata, compressors, columns: wanted });
}

function topLevel(schema: readonly SchemaElement[]): string[] {
  const names: string[] = [];
  let at = 1;
  const skip = () => {
    const element = schema[at++];
    for (let i = 0; i < (element.num_children ?? 0); i++) skip();
    return element;
  };
  while (at < schema.length) names.push(skip().name);
  return names;
}

function appendSchema({ name, type, required }: RowField, schema: SchemaElement[]): void {
  const repetition_type = required ? "REQUIRED" : "OPTIONAL";
  if (type === "boolean") schema.push({ name, type: "BOOLEAN", repetition_type });
  else if (type === "int") schema.push({ name, type: "INT32", repetition_type });
  else if (type === "long") schema.push({ name, type: "INT64", repetition_type });
  else if (type === "string") {
    const logical_type = { type: "STRING" as const };
    schema.push({ name, type: "BYTE_ARRAY", converted_type: "UTF8", logical_type, repetition_type });
  } else if ("list" in type) {
    schema.push({ name, repetition_type, num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } });
    schema.push({ name: "list", repetition_type: "REPEATED", num_children: 1 });
    appendSchema({ name: "element", type: type.list }, schema);
  } else if ("map" in type) {
    schema.push({ name, repetition_type, num_children: 1, converted_type: "MAP", logical_type: { type: "MAP" } });
    schema.push({ name: "key_value", repetition_type: "REPEATED", num_children: 2 });
    appendSchema({ name: "key", type: "string", required: true }, schema);
    appendSchema({ name: "value", type: type.map }, schema);
  } else {
    schema.push({ name, repetition_type, num_children: type.struct.length });
    for (const field of type.struct) appendSchema(field, schema);
  }
}

function converted(value: unknown, type: RowType): unknown {
  if (value === undefined || value === null) return null;
  if (type === "long") return BigInt(value as number | bigint);
  if (typeof type === "string") return value;
  if ("list" in type) return (value as unknown[]).map((element) => converted(element, type.list));
  if ("map" in type) {
    return Object.entries(value).map(([key, entry]) => ({ key, value: converted(entry, type.map) }));
  }
  return Object.fromEntries(type.struct.map((f) => [f.name, converted((value as Row)[f.name], f.type)]));
}
