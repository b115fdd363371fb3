/**
 * For tests and the bench: the same columns by hyparquet-writer, the oracle of what our encoder writes.
 *
 * @module
 */
import type { RecordBatch } from "apache-arrow";
import type { DecodedArray, SchemaElement } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { nestedValues } from "./nested_values.ts";
import { parquetSchema } from "./schema.ts";

/** One file, a row group for each batch, PLAIN and not compressed. */
export function libraryFile(batches: readonly RecordBatch[]): Uint8Array {
  const writer = new ByteWriter();
  const { schema } = batches[0];
  // INTEGER's width is an i8 in the format, the library writes an i32.
  const elements = parquetSchema(schema).map((element): SchemaElement =>
    element.logical_type?.type === "INTEGER" ? { ...element, logical_type: undefined } : element
  );
  const parquet = new ParquetWriter({ writer, schema: elements, codec: "UNCOMPRESSED" });
  for (const batch of batches) {
    const columnData = schema.fields.map(({ name }, c) => ({
      name,
      data: nestedValues(batch.data.children[c]) as DecodedArray,
      encoding: "PLAIN" as const,
    }));
    parquet.write({ columnData, rowGroupSize: batch.numRows });
  }
  parquet.finish();
  return writer.getBytes();
}
