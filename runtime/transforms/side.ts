/**
 * A transform of one side: the columns of the keys or of the values, with a plan that is made once a schema.
 *
 * @module
 */
import { type Data, makeData, type RecordBatch, Schema } from "apache-arrow";
import {
  type BytesColumn,
  createColumn,
  DataError,
  FatalError,
  recordBatch,
  type RecordSide,
  type RejectRow,
  type SinkBatch,
  type Transform,
  types,
} from "../api/mod.ts";
import { ALL_VALID, type Validity, validWhereUnset } from "./validity.ts";

/** A key or value that is not a record is one column of this name. */
export const WHOLE = "value";

/** Whether the columns are one value that is no record (which a record of one field `value` cannot be told from). */
export function isWhole({ fields }: Schema): boolean {
  return fields.length === 1 && fields[0].name === WHOLE;
}

/** The columns of a side after a transform, and its nulls where those are others now. */
export interface Changed {
  readonly columns: RecordBatch;
  /** Bits of the rows that are null as a whole, or null where none is; absent: as they were. */
  readonly nulls?: Uint8Array | null;
}

/** What is done to the columns of one schema. */
export type Plan = (columns: RecordBatch, batch: SinkBatch, reject: RejectRow) => RecordBatch | Changed;

/** What a transform of a side is made of. */
export interface SideOptions {
  /** The transform's name, for messages. */
  readonly name: string;
  readonly side: RecordSide;
  /** Keys that are not decoded are a column `value` of bytes, not an error. */
  readonly takesBytes?: boolean;
  /** What is null becomes a record: one without fields where nobody knows a schema. */
  readonly hasRecords?: boolean;
  /**
   * What to do with columns of a schema. Null: nothing. A DataError: no row can be treated, but those that are null pass
   * as they are.
   */
  plan(schema: Schema): Plan | DataError | null;
}

/** The transform of a side: the same schema in gives the same schema out. */
export function createSideTransform(
  { name, side, takesBytes = false, hasRecords = false, plan }: SideOptions,
): Transform {
  const plans = new WeakMap<Schema, Plan | DataError | null>();
  return {
    apply(batch, reject) {
      const columns = side === "value" ? batch.data : keyColumns(batch, name, takesBytes);
      const { schema } = columns;
      // Where nobody knows a schema there is no key or value either.
      if (schema.fields.length === 0 && isAllNull(batch, side)) {
        return hasRecords && side === "value" ? batch.withTombstones(null) : batch;
      }
      let planned = plans.get(schema);
      if (planned === undefined) plans.set(schema, planned = plan(schema));
      if (planned === null) return batch;
      if (planned instanceof DataError) {
        for (let row = 0; row < batch.numRows; row++) if (!isNullRow(batch, side, row)) reject(row, planned);
        return batch;
      }
      const out = planned(columns, batch, reject);
      return withSide(batch, side, "columns" in out ? out : { columns: out });
    },
  };
}

/** Whether a row is a tombstone, or has no key. */
export function isNullRow(batch: SinkBatch, side: RecordSide, row: number): boolean {
  return side === "value" ? batch.isTombstone(row) : !batch.hasKey(row);
}

/** Valid where a row is no tombstone, or has a key. */
export function sideValidity(batch: SinkBatch, side: RecordSide): Validity {
  if (side === "value") return validWhereUnset(batch.tombstones, batch.numRows);
  let nullCount = 0;
  const nullBitmap = new Uint8Array((batch.numRows + 7) >> 3);
  for (let row = 0; row < batch.numRows; row++) {
    if (batch.hasKey(row)) nullBitmap[row >> 3] |= 1 << (row & 7);
    else nullCount++;
  }
  return nullCount === 0 ? ALL_VALID : { nullCount, nullBitmap };
}

/** The error of rows that a transform cannot treat as they lack a field, have one twice, and the like. */
export function fieldError(what: string, reason: string, fieldPath?: string): DataError {
  return new DataError(what, { reason, ...(fieldPath !== undefined && { fieldPath }) });
}

/** A struct of columns. */
export function structOf(
  fields: Schema["fields"],
  children: readonly Data[],
  validity: Validity,
  length: number,
): Data {
  return makeData({ type: types.struct(fields), length, ...validity, children: [...children] } as never);
}

/** The name that comes twice, or undefined. */
export function nameTwice(fields: Schema["fields"]): string | undefined {
  const seen = new Set<string>();
  return fields.find(({ name }) => seen.size === seen.add(name).size)?.name;
}

function withSide(batch: SinkBatch, side: RecordSide, { columns, nulls }: Changed): SinkBatch {
  if (side === "key") return batch.withKeys(columns, nulls);
  const out = batch.withData(columns);
  return nulls === undefined ? out : out.withTombstones(nulls);
}

function isAllNull(batch: SinkBatch, side: RecordSide): boolean {
  for (let row = 0; row < batch.numRows; row++) if (!isNullRow(batch, side, row)) return false;
  return true;
}

const BYTES = new Schema([types.field(WHOLE, types.binary())]);

function keyColumns(batch: SinkBatch, name: string, takesBytes: boolean): RecordBatch {
  if (batch.keys) return batch.keys;
  if (!takesBytes) {
    throw new FatalError(
      `Cannot apply ${name}$Key to ${batch.topic}: its keys are bytes that are not decoded; set key.converter to what ` +
        "they hold, e.g. string, json or avro",
    );
  }
  const column = createColumn(BYTES.fields[0].type) as BytesColumn;
  for (let row = 0; row < batch.numRows; row++) {
    const key = batch.key(row);
    if (key) column.append(key);
    else column.appendNull();
  }
  return recordBatch(BYTES, [column.finish()], batch.numRows);
}
