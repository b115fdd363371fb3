/**
 * Debezium's envelopes as columns: which rows are what kind of event, and the columns of the rows within.
 *
 * @module
 */
import { type Data, Field, type RecordBatch, Schema, Type } from "apache-arrow";
import {
  BytesColumn,
  DataError,
  isNull,
  nulls,
  recordBatch,
  type RejectRow,
  type SinkBatch,
  types,
} from "../api/mod.ts";
import { takeFrom } from "../take_from.ts";
import type { Handling, Reference } from "./extract_new_record_state.ts";
import { validityOf, validWhereUnset, within } from "./validity.ts";

/** A batch, unwrapped. */
export interface Unwrapped {
  /** The rows' new columns, tombstones and dropped rows null in all; null: these are no envelopes. */
  readonly data: RecordBatch | null;
  readonly tombstones: Uint8Array | null;
  /** Rows that stay, ascending. */
  readonly kept: Int32Array;
  /** A column of the event; null where it has no such field. */
  column(reference: Reference): { readonly field: Field; readonly data: Data } | null;
  /** The rows within, those that are deleted included. */
  readonly rows: {
    /** A field's texts; null for null. */
    texts(name: string): (string | null)[] | DataError;
  };
}

/** What is known of a schema of envelopes. */
interface Envelope {
  readonly op: number;
  /** -1: it is not there, or of a type that holds no row. */
  readonly before: number;
  readonly after: number;
}

interface Target {
  readonly schema: Schema;
  /** Where the column is that says whether a row is a deleted one; -1: there is none. */
  readonly deletedAt: number;
  /** Nothing can be added to a row: then the columns are its own alone, and only tombstones pass. */
  readonly problem: DataError | null;
}

const DELETED = "__deleted";

/** Unwraps batches of any schema; the same schema in gives the same schema out. */
export function createUnwrapper(handling: Handling, added: readonly Reference[]) {
  const envelopes = new WeakMap<Schema, Envelope | null>();
  const targets = new WeakMap<Schema, Target>();
  const rewrites = handling.deletes === "rewrite";
  const payloads = new WeakMap<Schema, Schema | null>();

  /** What stands in the `payload` of Connect's JSON with schemas. */
  const opened = (batch: SinkBatch): SinkBatch => {
    const { data, schema, numRows } = batch.data;
    let payload = payloads.get(schema);
    if (payload === undefined) payloads.set(schema, payload = payloadOf(schema));
    if (payload === null) return batch;
    const column = data.children[schema.names.indexOf("payload")];
    const validity = validityOf(column);
    return batch.withData(recordBatch(payload, column.children.map((child) => within(child, validity)), numRows));
  };

  return (given: SinkBatch, reject: RejectRow): Unwrapped => {
    const batch = opened(given);
    const { schema } = batch.data;
    let envelope = envelopes.get(schema);
    if (envelope === undefined) envelopes.set(schema, envelope = envelopeOf(schema));
    const column = (reference: Reference) => columnOf(batch.data, reference);
    if (envelope === null) {
      const kept = rowsWhere(batch.numRows, (row) => !handling.dropsTombstones || !batch.isTombstone(row));
      return { data: null, tombstones: batch.tombstones, kept, column, rows: { texts: () => [] } };
    }
    const { kept, tombstones, deleted } = classify(batch, envelope, handling, reject);
    let target = targets.get(schema);
    if (!target) targets.set(schema, target = targetOf(batch.data, envelope, rewrites, added));
    if (target.problem) {
      for (const row of kept) if (!isSet(tombstones, row)) reject(row, target.problem);
    }
    const rowsOf = (name: string, deletes: boolean) => rowColumn(batch.data, envelope, name, deletes ? deleted : null);
    const live = validWhereUnset(tombstones, batch.numRows);
    const extras = target.problem ? [] : added.flatMap((reference) => column(reference) ?? []);
    const columns = target.schema.fields.map((field, i): Data => {
      const extra = i - (target.schema.fields.length - extras.length);
      if (extra >= 0) return within(extras[extra].data, live);
      if (i === target.deletedAt) return deletedColumn(batch.numRows, deleted, tombstones);
      const found = rowsOf(field.name, rewrites);
      if (found instanceof DataError) {
        for (const row of deleted) reject(row, found);
        return rowColumn(batch.data, envelope, field.name, null) as Data;
      }
      return found;
    });
    return {
      data: recordBatch(target.schema, columns, batch.numRows),
      tombstones,
      kept,
      column,
      rows: {
        texts(name) {
          const texts = rowsOf(name, true);
          if (texts instanceof DataError) return texts;
          return texts.type.typeId === Type.Utf8 ? textsOf(texts) : notText(name, texts);
        },
      },
    };
  };
}

/** The schema of envelopes within `{"schema": ..., "payload": ...}`; null: these are none. */
function payloadOf({ fields, metadata }: Schema): Schema | null {
  const payload = fields.find(({ name }) => name === "payload");
  if (fields.length !== 2 || payload?.type.typeId !== Type.Struct) return null;
  if (!fields.some(({ name }) => name === "schema")) return null;
  const inner = new Schema(payload.type.children as Field[], metadata);
  return envelopeOf(inner) && inner;
}

function envelopeOf({ fields }: Schema): Envelope | null {
  const at = (name: string, typeId: Type) =>
    fields.findIndex((field) => field.name === name && field.type.typeId === typeId);
  const op = at("op", Type.Utf8), before = at("before", Type.Struct), after = at("after", Type.Struct);
  return op < 0 || (before < 0 && after < 0) ? null : { op, before, after };
}

/** Which rows stay, which of them are tombstones afterwards, and which are deletes. */
function classify(batch: SinkBatch, { op, before, after }: Envelope, handling: Handling, reject: RejectRow) {
  const { children } = batch.data.data;
  const ops = children[op];
  const isThere = (at: number, row: number) => at >= 0 && !isNull(children[at], row);
  const kept: number[] = [], deleted: number[] = [];
  let tombstones: Uint8Array | null = batch.tombstones?.slice() ?? null;
  const bury = (row: number) => {
    tombstones ??= new Uint8Array((batch.numRows + 7) >> 3);
    tombstones[row >> 3] |= 1 << (row & 7);
  };
  for (let row = 0; row < batch.numRows; row++) {
    if (batch.isTombstone(row)) {
      if (!handling.dropsTombstones) kept.push(row);
    } else if (isThere(after, row)) {
      kept.push(row);
    } else if (isThere(before, row) || opOf(ops, row) === "d") {
      if (handling.deletes === "tombstone") bury(row);
      if (handling.deletes === "rewrite" && !isThere(before, row)) reject(row, noBefore());
      if (handling.deletes === "drop") continue;
      deleted.push(row);
      kept.push(row);
    } else if (isNull(ops, row)) {
      reject(row, noEvent());
    }
  }
  return { kept: Int32Array.from(kept), tombstones: tombstones as Uint8Array | null, deleted };
}

/** An operation is one letter. */
function opOf({ values, valueOffsets }: Data, row: number): string | null {
  return valueOffsets[row + 1] - valueOffsets[row] === 1 ? String.fromCharCode(values[valueOffsets[row]]) : null;
}

function targetOf(data: RecordBatch, envelope: Envelope, rewrites: boolean, added: readonly Reference[]): Target {
  const { fields } = data.schema;
  const childrenOf = (at: number) => at < 0 ? [] : (fields[at].type.children ?? []) as Field[];
  const after = childrenOf(envelope.after), before = childrenOf(envelope.before);
  // Rows of both sides are mixed where deletes are rewritten: what one of them lacks is null.
  const isMixed = rewrites || after.length === 0;
  const isAlwaysThere = ({ name }: Field) => before.some((field) => field.name === name && !field.nullable);
  const row = !isMixed ? after : [
    ...after.map((field) => field.nullable || isAlwaysThere(field) ? field : nullable(field)),
    ...before.filter(({ name }) => after.every((field) => field.name !== name)).map((field) => nullable(field)),
  ];
  const extra = added.flatMap((reference) => {
    const found = columnOf(data, reference);
    return found ? [nullable(found.field, reference.name)] : [];
  });
  const all = [...row, ...(rewrites ? [types.field(DELETED, types.utf8())] : []), ...extra];
  const names = all.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  const problem = twice === undefined ? null : new DataError(
    `Cannot unwrap change events: the row has the field ${twice} that is to be added; choose another name or prefix`,
    { reason: "field name is taken", fieldPath: twice },
  );
  const schema = new Schema(problem ? row : all, data.schema.metadata);
  return { schema, deletedAt: rewrites && !problem ? row.length : -1, problem };
}

function nullable({ name, type, metadata }: Field, as = name): Field {
  return new Field(as, type, true, metadata);
}

/** A field of the rows: of `after`, and in the rows `deleted` of `before`. */
function rowColumn(
  { data, schema, numRows }: RecordBatch,
  { before, after }: Envelope,
  name: string,
  deleted: readonly number[] | null,
): Data | DataError {
  const of = (at: number): { readonly field: Field; readonly data: Data } | null => {
    const fields = at < 0 ? [] : schema.fields[at].type.children as Field[];
    const i = fields.findIndex((field) => field.name === name);
    return i < 0
      ? null
      : { field: fields[i], data: within(data.children[at].children[i], validityOf(data.children[at])) };
  };
  const now = of(after), then = of(before);
  const field = (now ?? then)?.field;
  if (!field) {
    return new DataError(`Cannot find the field ${name} in the row of a change event`, {
      reason: "field is missing",
      fieldPath: name,
    });
  }
  const rows = now?.data ?? nulls(field, numRows);
  if (deleted === null || deleted.length === 0 || then === null) return rows;
  if (`${then.field.type}` !== `${field.type}`) {
    return new DataError(
      `Cannot take ${name} of a deleted row: it is a ${then.field.type} in before, and a ${field.type} in after`,
      { reason: "types differ in before and after", fieldPath: name },
    );
  }
  const picks = Int32Array.from({ length: numRows }, (_, row) => row);
  for (const row of deleted) picks[row] = ~row;
  return takeFrom(rows, then.data, picks);
}

/** A field of the event: of the struct, or else of the event itself, where it has the struct. */
function columnOf({ schema, data }: RecordBatch, { struct, field: name }: Reference) {
  const top = schema.fields.findIndex((field) => field.name === name);
  const at = struct === null
    ? -1
    : schema.fields.findIndex((field) => field.name === struct && field.type.typeId === Type.Struct);
  if (at < 0) return top < 0 ? null : { field: schema.fields[top], data: data.children[top] };
  const parent = data.children[at];
  const fields = schema.fields[at].type.children as Field[];
  const i = fields.findIndex((field) => field.name === name);
  if (i < 0 && top < 0) return null;
  const [field, column] = i < 0 ? [schema.fields[top], data.children[top]] : [fields[i], parent.children[i]];
  return { field, data: within(column, validityOf(parent)) };
}

const TRUE = new TextEncoder().encode("true");
const FALSE = new TextEncoder().encode("false");

function deletedColumn(length: number, deleted: readonly number[], tombstones: Uint8Array | null): Data {
  const column = new BytesColumn(types.utf8());
  for (let row = 0, at = 0; row < length; row++) {
    const isDeleted = deleted[at] === row;
    if (isDeleted) at++;
    if (isSet(tombstones, row)) column.appendNull();
    else column.append(isDeleted ? TRUE : FALSE);
  }
  return column.finish();
}

function isSet(bits: Uint8Array | null, row: number): boolean {
  return bits !== null && (bits[row >> 3] & (1 << (row & 7))) !== 0;
}

function textsOf(data: Data): (string | null)[] {
  const decoder = new TextDecoder();
  const { values, valueOffsets } = data;
  return Array.from(
    { length: data.length },
    (_, row) => isNull(data, row) ? null : decoder.decode(values.subarray(valueOffsets[row], valueOffsets[row + 1])),
  );
}

function rowsWhere(length: number, isKept: (row: number) => boolean): Int32Array {
  return Int32Array.from({ length }, (_, row) => row).filter(isKept);
}

function noBefore(): DataError {
  return new DataError(
    "Cannot rewrite a delete: the event has no row before it (the source must log whole rows, e.g. REPLICA IDENTITY FULL)",
    { reason: "delete without before", fieldPath: "before" },
  );
}

function noEvent(): DataError {
  return new DataError("Cannot unwrap a change event: it has neither op nor after nor before", {
    reason: "not a change event",
  });
}

function notText(name: string, { type }: Data): DataError {
  return new DataError(`Cannot route by the field ${name}: it is a ${type}, wanted a string`, {
    reason: "not a topic's name",
    fieldPath: name,
  });
}
