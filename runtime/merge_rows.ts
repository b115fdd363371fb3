/**
 * Parts of one batch, put together again after transforms changed some of them.
 *
 * They become one batch where no column has different types in them: a column that only some have is null in the rows of the
 * others, and nullable; a column that is null in all rows of a part takes the others' type (so that what leaves tombstones
 * alone never parts a batch). Else they become a batch for each run of rows of one schema. Nothing is lost or rejected
 * either way.
 *
 * @module
 */
import { type Data, Field, type RecordBatch, Schema } from "apache-arrow";
import { type Changes, nulls, recordBatch, SinkBatch, types } from "./api/mod.ts";
import { takeFrom } from "./take_from.ts";

/** All rows in the order of their offsets: batches that chain. The same schemas give the same schema. */
export type RowMerger = (parts: readonly SinkBatch[]) => readonly SinkBatch[];

/** Whether two parts differ in nothing but their rows. */
export function haveOneSchema(a: SinkBatch, b: SinkBatch): boolean {
  return a.data.schema === b.data.schema && a.keys?.schema === b.keys?.schema;
}

/** A merger, which keeps the schemas that it made. */
export function createRowMerger(): RowMerger {
  const values = createSchemas(), keys = createSchemas();
  const merged = (a: SinkBatch, b: SinkBatch): SinkBatch | null => {
    const key = keysOf(a, b, keys);
    const data = key === undefined ? null : values(a.data, b.data);
    if (data === null || key === undefined) return null;
    const picks = picksOf(a.origin.rows, b.origin.rows);
    const rows = picks.map((pick) => pick < 0 ? b.origin.rows[~pick] : a.origin.rows[pick]);
    return new SinkBatch(
      picked(data, picks),
      { ...a.origin, rows },
      a.from,
      a.to,
      tombstonesOf(a, b, picks),
      key && picked(key, picks),
      changesOf(a, b, picks),
    );
  };
  return (parts) => {
    const groups: SinkBatch[] = [];
    for (const part of parts) {
      if (part.numRows === 0) continue;
      let whole: SinkBatch | null = null;
      for (let i = 0; i < groups.length && whole === null; i++) {
        whole = merged(groups[i], part);
        if (whole) groups[i] = whole;
      }
      if (whole === null) groups.push(part);
    }
    if (groups.length === 0) return [parts[0]];
    return groups.length === 1 ? groups : runs(groups);
  };
}

/** Batches of the same schema. */
type Unified = readonly [RecordBatch, RecordBatch];

function picked([a, b]: Unified, picks: Int32Array): RecordBatch {
  const columns = a.data.children.map((child, i) => takeFrom(child, b.data.children[i], picks));
  return recordBatch(a.schema, columns, picks.length);
}

/** For each row of both, by their records: its row in `a`, or where it is of `b` the complement (~) of its row there. */
function picksOf(a: Int32Array, b: Int32Array): Int32Array {
  const picks = new Int32Array(a.length + b.length);
  for (let i = 0, at = 0, bt = 0; i < picks.length; i++) {
    picks[i] = bt === b.length || (at < a.length && a[at] < b[bt]) ? at++ : ~bt++;
  }
  return picks;
}

// ---- schemas

/** Gives both batches one schema; null: a column has different types in them. */
function createSchemas(): (a: RecordBatch, b: RecordBatch) => Unified | null {
  const known = new WeakMap<Schema, WeakMap<Schema, Map<string, Schema | null>>>();
  return (a, b) => {
    if (a.schema === b.schema) return [a, b];
    // Which columns hold nothing: only these may take the other's type.
    const emptyOf = ({ data, numRows }: RecordBatch) => data.children.map(({ nullCount }) => nullCount === numRows);
    const empty = [emptyOf(a), emptyOf(b)];
    const of = known.get(a.schema) ?? new WeakMap<Schema, Map<string, Schema | null>>();
    known.set(a.schema, of);
    const byNulls = of.get(b.schema) ?? new Map<string, Schema | null>();
    of.set(b.schema, byNulls);
    const key = empty.map((bits) => bits.map(Number).join("")).join();
    let schema = byNulls.get(key);
    if (schema === undefined) byNulls.set(key, schema = unify(a.schema, b.schema, empty[0], empty[1]));
    return schema && [fitted(a, schema), fitted(b, schema)];
  };
}

function unify(a: Schema, b: Schema, emptyA: readonly boolean[], emptyB: readonly boolean[]): Schema | null {
  if (new Set(a.names).size < a.names.length || new Set(b.names).size < b.names.length) return null;
  const fields: Field[] = [];
  for (const [i, field] of a.fields.entries()) {
    const at = b.fields.findIndex(({ name }) => name === field.name);
    const other = b.fields[at];
    if (!other) fields.push(nullable(field));
    else if (sameField(field, other)) {
      const metadata = new Map([...field.metadata, ...other.metadata]);
      fields.push(new Field(field.name, field.type, field.nullable || other.nullable, metadata));
    } else if (emptyA[i]) fields.push(nullable(other));
    else if (emptyB[at]) fields.push(nullable(field));
    else return null;
  }
  for (const field of b.fields) if (!a.names.includes(field.name)) fields.push(nullable(field));
  return new Schema(fields, new Map([...a.metadata, ...b.metadata]));
}

function nullable({ name, type, metadata }: Field): Field {
  return new Field(name, type, true, metadata);
}

/** Whether one column can hold both. */
function sameField(a: Field, b: Field): boolean {
  return types.isJson(a) === types.isJson(b) && `${a.type}` === `${b.type}` && sameParts(a, b);
}

/** The text of a type does not say all of its parts. */
function sameParts({ type: a }: Field, { type: b }: Field): boolean {
  const [of, others] = [a.children ?? [], b.children ?? []] as [Field[], Field[]];
  return of.length === others.length &&
    of.every((each, i) =>
      each.name === others[i].name && each.nullable === others[i].nullable && sameField(each, others[i])
    );
}

function fitted(batch: RecordBatch, schema: Schema): RecordBatch {
  const columns = schema.fields.map((field): Data => {
    const at = batch.schema.fields.findIndex(({ name }) => name === field.name);
    const isOfType = at >= 0 && sameField(batch.schema.fields[at], field);
    return isOfType ? batch.data.children[at] : nulls(field, batch.numRows);
  });
  return recordBatch(schema, columns, batch.numRows);
}

/** Undefined: keys of both are not alike. */
function keysOf(a: SinkBatch, b: SinkBatch, unify: ReturnType<typeof createSchemas>): Unified | null | undefined {
  if (a.keys === null && b.keys === null) return null;
  if (a.keys === null || b.keys === null) return undefined;
  const [of, others] = [a.keys.schema.names, b.keys.schema.names];
  const isSingle = (names: readonly PropertyKey[]) => names.length === 1 && names[0] === "value";
  if (of.length > 0 && others.length > 0 && isSingle(of) !== isSingle(others)) return undefined;
  return unify(a.keys, b.keys) ?? undefined;
}

// ---- what is beside the columns

function bitsOf(a: SinkBatch, b: SinkBatch, picks: Int32Array, isSet: (of: SinkBatch, row: number) => boolean) {
  const bits = new Uint8Array((picks.length + 7) >> 3);
  picks.forEach((pick, i) => {
    if (pick < 0 ? isSet(b, ~pick) : isSet(a, pick)) bits[i >> 3] |= 1 << (i & 7);
  });
  return bits;
}

function tombstonesOf(a: SinkBatch, b: SinkBatch, picks: Int32Array): Uint8Array | null {
  if (a.tombstones === null && b.tombstones === null) return null;
  return bitsOf(a, b, picks, (of, row) => of.isTombstone(row));
}

function changesOf(a: SinkBatch, b: SinkBatch, picks: Int32Array): Changes | null {
  if (a.changes === null && b.changes === null) return null;
  const of = [a.changes ?? {}, b.changes ?? {}];
  const pick = <T>(from: (batch: SinkBatch, row: number) => T): T[] =>
    Array.from(picks, (pick) => pick < 0 ? from(b, ~pick) : from(a, pick));
  const topics = of[0].topics === of[1].topics ? of[0].topics : pick((batch, row) => batch.routedTopic(row));
  return {
    ...(of.some(({ headers }) => headers) && { headers: pick((batch, row) => batch.headers(row)) }),
    ...(topics !== undefined && { topics }),
    ...(of.some(({ keyless }) => keyless !== undefined) &&
      { keyless: bitsOf(a, b, picks, (batch, row) => !batch.hasKey(row)) }),
  };
}

/** A batch for each run of rows of one part; each ends where the next begins. */
function runs(groups: readonly SinkBatch[]): SinkBatch[] {
  const places = groups.flatMap((of) => Array.from(of.origin.rows, (record, row) => ({ of, record, row })))
    .sort((a, b) => a.record - b.record);
  const parts: SinkBatch[] = [];
  for (let start = 0; start < places.length;) {
    const { of } = places[start];
    let end = start + 1;
    while (end < places.length && places[end].of === of) end++;
    parts.push(of.select(Int32Array.from(places.slice(start, end), ({ row }) => row)));
    start = end;
  }
  return parts.map(({ data, origin, tombstones, keys, changes }, i) => {
    const from = i === 0 ? groups[0].from : parts[i].offset(0);
    const to = i === parts.length - 1 ? groups[0].to : parts[i + 1].offset(0);
    return new SinkBatch(data, origin, from, to, tombstones, keys, changes);
  });
}
