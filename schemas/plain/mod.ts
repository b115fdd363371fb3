/**
 * Formats without a schema: the whole value (or key) as one column named `value`. Kafka Connect has each of them.
 *
 * | name | bytes | column |
 * |---|---|---|
 * | `string` | text in `converter.encoding` | string |
 * | `bytes` | any | binary |
 * | `short` `integer` `long` | 2, 4, 8, two's complement, most significant first | short, integer, long |
 * | `float` `double` | 4, 8, IEEE 754, most significant first | float, double |
 * | `boolean` | 1, which is 0 or 1 | boolean |
 *
 * @module
 */
import { Schema } from "apache-arrow";
import {
  BoolColumn,
  BytesColumn,
  type Column,
  type ConfigDef,
  type Converter,
  type ConverterPlugin,
  DataError,
  NumberColumn,
  type RawRecords,
  recordBatch,
  type RecordSide,
  type RejectRecord,
  types,
  type Values,
  WordsColumn,
} from "../../mod.ts";
import { createTextReader, stringOptions } from "./encodings.ts";

export { HEADER_CONVERTERS } from "./headers.ts";

/** Builds one column; `append` throws DataError before it appends anything. */
interface Reader {
  readonly column: Column;
  append(bytes: Uint8Array, start: number, end: number): void;
}

/** Text; what is malformed in its encoding is rejected. */
export const stringConverter: ConverterPlugin<typeof stringOptions> = plain("string", stringOptions, (config) => {
  const column = new BytesColumn(types.utf8());
  return { column, append: createTextReader(config["converter.encoding"], column) };
});

/** Bytes as they are. */
export const bytesConverter: ConverterPlugin = plain("bytes", {}, () => {
  const column = new BytesColumn(types.binary());
  return { column, append: (bytes, start, end) => column.append(bytes, start, end) };
});

/** Kafka's serializers of single values. */
export const NUMBER_CONVERTERS: readonly ConverterPlugin[] = [
  fixed("short", 2, () => {
    const column = new NumberColumn(types.int16(), Int16Array);
    return { column, append: (view, at) => column.append(view.getInt16(at)) };
  }),
  fixed("integer", 4, () => {
    const column = new NumberColumn(types.int32(), Int32Array);
    return { column, append: (view, at) => column.append(view.getInt32(at)) };
  }),
  fixed("long", 8, () => {
    const column = new WordsColumn(types.int64(), 2);
    return { column, append: (view, at) => column.appendParts(view.getInt32(at + 4), view.getInt32(at)) };
  }),
  fixed("float", 4, () => {
    const column = new NumberColumn(types.float32(), Float32Array);
    return { column, append: (view, at) => column.append(view.getFloat32(at)) };
  }),
  fixed("double", 8, () => {
    const column = new NumberColumn(types.float64(), Float64Array);
    return { column, append: (view, at) => column.append(view.getFloat64(at)) };
  }),
  fixed("boolean", 1, () => {
    const column = new BoolColumn(types.boolean());
    return {
      column,
      append(view, at) {
        const byte = view.getUint8(at);
        if (byte > 1) {
          throw new DataError(`Cannot decode a boolean: the byte is ${byte}, expected 0 or 1`, {
            reason: "bad boolean",
            bytePosition: 0,
          });
        }
        column.append(byte === 1);
      },
    };
  }),
];

function fixed(
  name: string,
  size: number,
  create: () => { readonly column: Column; append(view: DataView, at: number): void },
): ConverterPlugin {
  return plain(name, {}, () => {
    const { column, append } = create();
    let view: DataView = new DataView(new ArrayBuffer(0));
    return {
      column,
      append(bytes, start, end) {
        if (end - start !== size) {
          throw new DataError(`Cannot decode a value of type ${name}: it has ${end - start} bytes, expected ${size}`, {
            reason: "wrong number of bytes",
          });
        }
        if (view.buffer !== bytes.buffer || view.byteOffset !== bytes.byteOffset) {
          view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        }
        append(view, start);
      },
    };
  });
}

function plain<Def extends ConfigDef>(
  name: string,
  options: Def,
  readerOf: (config: Values<Def>) => Reader,
): ConverterPlugin<Def> {
  return { name, options, create: (config, { side }) => createPlainConverter(readerOf(config), side) };
}

function createPlainConverter(reader: Reader, side: RecordSide): Converter {
  const { column } = reader;
  const schema = new Schema([types.field("value", column.type)]);
  return {
    schema,
    decode(records: RawRecords, indices: Int32Array, reject: RejectRecord) {
      const starts = side === "key" ? records.keyStarts : records.valueStarts;
      const ends = side === "key" ? records.keyEnds : records.valueEnds;
      const rows = new Int32Array(indices.length);
      let count = 0;
      for (const index of indices) {
        try {
          reader.append(records.bytes, starts[index], ends[index]);
        } catch (error) {
          if (!(error instanceof DataError)) throw error;
          reject(index, error);
          continue;
        }
        rows[count++] = index;
      }
      if (count === 0) return Promise.resolve([]);
      const data = recordBatch(schema, [column.finish()], count);
      return Promise.resolve([{ data, rows: rows.subarray(0, count) }]);
    },
  };
}
