/**
 * `string` and `bytes`: the whole value (or key) as one column named `value`.
 *
 * @module
 */
import { type DataType, Schema } from "apache-arrow";
import {
  BytesColumn,
  type Converter,
  type ConverterPlugin,
  DataError,
  type RawRecords,
  recordBatch,
  type RecordSide,
  type RejectRecord,
  types,
} from "../../mod.ts";
import { invalidUtf8 } from "../utf8.ts";

/** UTF-8 text; anything else is rejected. */
export const stringConverter: ConverterPlugin = plain("string", types.utf8(), (bytes, start, end) => {
  const bad = invalidUtf8(bytes, start, end);
  if (bad < 0) return;
  const bytePosition = bad - start;
  const byte = bytes[bad].toString(16).padStart(2, "0");
  throw new DataError(`Cannot decode a string at byte ${bytePosition}: expected UTF-8, found byte 0x${byte}`, {
    reason: "malformed utf-8",
    bytePosition,
  });
});

/** Bytes as they are. */
export const bytesConverter: ConverterPlugin = plain("bytes", types.binary(), () => {});

function plain(
  name: string,
  type: DataType,
  check: (bytes: Uint8Array, start: number, end: number) => void,
): ConverterPlugin {
  const schema = new Schema([types.field("value", type)]);
  const create = (side: RecordSide): Converter => {
    const column = new BytesColumn(type);
    return {
      decode(records: RawRecords, indices: Int32Array, reject: RejectRecord) {
        const starts = side === "key" ? records.keyStarts : records.valueStarts;
        const ends = side === "key" ? records.keyEnds : records.valueEnds;
        const rows = new Int32Array(indices.length);
        let count = 0;
        for (const index of indices) {
          try {
            check(records.bytes, starts[index], ends[index]);
          } catch (error) {
            if (!(error instanceof DataError)) throw error;
            reject(index, error);
            continue;
          }
          column.append(records.bytes, starts[index], ends[index]);
          rows[count++] = index;
        }
        if (count === 0) return Promise.resolve([]);
        const data = recordBatch(schema, [column.finish()], count);
        return Promise.resolve([{ data, rows: rows.subarray(0, count) }]);
      },
    };
  };
  return { name, options: {}, create: (_config, context) => create(context.side) };
}
