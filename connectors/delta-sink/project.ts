/**
 * Fits batches to a table: its columns in its order, missing ones null, types widened where nothing is lost. What does
 * not fit is rejected record by record, and only where a record really has a value there.
 *
 * @module
 */
import { type Data, type DataType, type Field, Schema, Type } from "apache-arrow";
import { DataError, FIELD_UNDECLARED, nulls, recordBatch, SCHEMA_SUBJECT, type SinkBatch, types } from "../../mod.ts";
import { arrowToDelta, arrowTypeToDelta, describeDeltaType } from "./delta/schema.ts";
import { childFields, childOf, isNested, validityOf, withBuffers } from "./parquet/arrow_data.ts";
import { widening } from "./widen.ts";

/** Called for a row of the batch that was passed to `project`. */
export type RejectRecord = (batch: SinkBatch, row: number, error: DataError) => void;

/** How batches of one schema fit a table. */
export interface Projector {
  /** The columns that come out. The very schema of the table where nothing is added to it. */
  readonly schema: Schema;
  /** Paths of the columns that the table does not have yet; with a new table: none. */
  readonly added: readonly string[];
  /** The rows with exactly the columns of `schema`, without the rejected ones. The same batch where nothing changes. */
  project(batch: SinkBatch, reject: RejectRecord): SinkBatch;
}

/**
 * How batches with `batchSchema` fit a table (null: a table that is to be created from them, with all columns nullable).
 * Names are compared without regard to case. `none`: a record with a value in a column that the table lacks is
 * rejected; `add`: such columns are added, nullable, at the end of their struct. Throws DataError where columns that
 * would be added cannot be in a Delta table (`arrowToDelta`).
 */
export function createProjector(
  table: Schema | null,
  batchSchema: Schema,
  evolution: "none" | "add",
  /** The table's, for the command in messages. */
  uri = "URI",
): Projector {
  const declared = table === null && evolution === "none" ? declaredFields(batchSchema.fields) : [];
  const build: Build = {
    evolution: table === null && declared.length === 0 ? "add" : evolution,
    added: [],
    missing: [],
  };
  const root = structStep(table?.fields ?? declared, batchSchema.fields, "", build);
  const changed = table === null || build.added.length > 0;
  const schema = changed ? new Schema(root.fields) : table;
  if (changed) checkNames(schema);
  const change: NeededChange = { diff: build.missing.join(", "), uri, subject: subjectOf(batchSchema) };
  const unchanged = sameColumns(schema.fields, batchSchema.fields);
  const required = schema.fields.flatMap(({ nullable, type }, i) => nullable && !forbidsNulls(type) ? [] : [i]);

  function project(batch: SinkBatch, reject: RejectRecord): SinkBatch {
    if (unchanged && required.length === 0) return batch;
    const errors = new Map<number, DataError>();
    const work: Work = {
      change,
      bad: (row, error) => {
        if (row >= 0 && !errors.has(row)) errors.set(row, error());
      },
    };
    const columns = applyStruct(root, batch.data.data, work);
    if (errors.size === 0) return unchanged ? batch : batch.withData(recordBatch(schema, columns, batch.numRows));
    for (const [row, error] of [...errors].sort(([a], [b]) => a - b)) reject(batch, row, error);
    const kept = new Int32Array(batch.numRows - errors.size);
    for (let row = 0, at = 0; row < batch.numRows; row++) if (!errors.has(row)) kept[at++] = row;
    return batch.withData(recordBatch(schema, columns, batch.numRows)).select(kept);
  }
  return { schema, added: table === null ? [] : build.added, project };
}

// ---- the plan, made once for a pair of schemas

/** What a new table is made of where it may not grow: without fields that nobody declared, all of them nullable. */
function declaredFields(fields: readonly Field[]): Field[] {
  return fields.filter(({ metadata }) => !metadata.has(FIELD_UNDECLARED))
    .map(({ name, type }) => types.field(name, declaredType(type)));
}

function declaredType(type: DataType): DataType {
  const children = childFields(type);
  if (type.typeId === Type.Struct) return types.struct(declaredFields(children));
  if (type.typeId === Type.List) return types.list(declaredType(children[0].type));
  if (type.typeId !== Type.Map) return type;
  const [key, value] = childFields(children[0].type);
  return types.map(key.type, declaredType(value.type));
}

interface Build {
  readonly evolution: "none" | "add";
  readonly added: string[];
  /** What the table lacks and does not get, as lines of a diff. */
  readonly missing: string[];
}

/** How a value becomes one of the table's. */
type Step =
  | { readonly kind: "same"; readonly type: DataType }
  | { readonly kind: "widen"; readonly type: DataType; readonly convert: (data: Data) => ArrayLike<unknown> }
  | { readonly kind: "clash"; readonly type: DataType; readonly from: DataType; readonly path: string }
  | StructStep
  | { readonly kind: "list"; readonly type: DataType; readonly element: Member }
  | { readonly kind: "map"; readonly type: DataType; readonly entries: StructStep; readonly entriesField: Field };

interface StructStep {
  readonly kind: "struct";
  readonly type: DataType;
  readonly fields: Field[];
  readonly members: readonly Member[];
  readonly extras: readonly Extra[];
}

/** A column that the table lacks and does not get. */
interface Extra {
  readonly index: number;
  readonly path: string;
  /** Why no Delta table can have it; null: a change of the schema would add it. */
  readonly refusal: DataError | null;
}

interface Member {
  readonly field: Field;
  readonly path: string;
  /** The position among the batch's columns; -1 where they lack it. */
  readonly index: number;
  readonly step: Step | null;
}

function structStep(table: readonly Field[], batch: readonly Field[], path: string, build: Build): StructStep {
  const positions = positionsOf(batch, path);
  const members = table.map((field): Member => {
    const at = path === "" ? field.name : `${path}.${field.name}`;
    const index = positions.get(field.name.toLowerCase()) ?? -1;
    positions.delete(field.name.toLowerCase());
    if (index < 0) return { field, path: at, index, step: null };
    const step = stepOf(field.type, batch[index].type, at, build);
    return { field: retyped(field, step.type), path: at, index, step };
  });
  const extras: Extra[] = [];
  for (const index of positions.values()) {
    const { name, type } = batch[index];
    const at = path === "" ? name : `${path}.${name}`;
    const refusal = build.evolution === "add" ? refusalOf(batch[index], path) : null;
    if (refusal !== null) extras.push({ index, path: at, refusal });
    else if (build.evolution === "add") {
      build.added.push(at);
      const step = { kind: "same", type: nullableType(type) } as const;
      members.push({ field: types.field(name, step.type), path: at, index, step });
    } else {
      build.missing.push(`+ ${at}: ${describe(type, at)}`);
      extras.push({ index, path: at, refusal });
    }
  }
  const fields = members.map(({ field }) => field);
  return { kind: "struct", type: types.struct(fields), fields, members, extras };
}

/** Where fields are, by their names in lower case; throws DataError where two are the same: one would hide the other. */
function positionsOf(batch: readonly Field[], path: string): Map<string, number> {
  const positions = new Map(batch.map(({ name }, i) => [name.toLowerCase(), i]));
  if (positions.size < batch.length) arrowTypeToDelta(types.struct(batch), path);
  return positions;
}

/** What nobody declared is some record's own: what no table can have of it is wrong with that record alone. */
function refusalOf({ name, type, metadata }: Field, path: string): DataError | null {
  if (!metadata.has(FIELD_UNDECLARED)) return null;
  try {
    arrowTypeToDelta(types.struct([types.field(name, nullableType(type))]), path);
    return null;
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
}

function stepOf(table: DataType, batch: DataType, path: string, build: Build): Step {
  const [from, to] = [childFields(batch), childFields(table)];
  if (table.typeId !== batch.typeId || !isNested(table)) {
    if (describe(table, path) === describe(batch, path)) return { kind: "same", type: table };
    const convert = widening(batch, table);
    return convert ? { kind: "widen", type: table, convert } : { kind: "clash", type: table, from: batch, path };
  }
  if (table.typeId === Type.Struct) return structStep(to, from, path, build);
  if (table.typeId === Type.List) {
    const step = stepOf(to[0].type, from[0].type, `${path}[]`, build);
    const element = { field: retyped(to[0], step.type), path: `${path}[]`, index: 0, step };
    return { kind: "list", type: types.list(step.type, to[0].nullable), element };
  }
  const [key, value] = childFields(to[0].type), [keyFrom, valueFrom] = childFields(from[0].type);
  // A key with a field more is another key: nothing is added within keys.
  const keyStep = stepOf(key.type, keyFrom.type, `${path}{key}`, {
    evolution: "none",
    added: [],
    missing: build.missing,
  });
  const valueStep = stepOf(value.type, valueFrom.type, `${path}{}`, build);
  const type = types.map(keyStep.type, valueStep.type, value.nullable);
  const members = [
    { field: retyped(key, keyStep.type), path: `${path}{key}`, index: 0, step: keyStep },
    { field: retyped(value, valueStep.type), path: `${path}{}`, index: 1, step: valueStep },
  ];
  const entriesField = childFields(type)[0];
  const fields = members.map(({ field }) => field);
  return {
    kind: "map",
    type,
    entriesField,
    entries: { kind: "struct", type: entriesField.type, fields, members, extras: [] },
  };
}

// ---- its application to a batch

/** What `schema.evolution: none` leaves to somebody to decide. */
interface NeededChange {
  readonly diff: string;
  readonly uri: string;
  /** `<subject>@<version>` of the schema that the rows come from, or what stands for it. */
  readonly subject: string;
}

interface Work {
  readonly change: NeededChange;
  /** Notes an entry that does not fit; -1 is an entry that no row has. */
  readonly bad: (entry: number, error: () => DataError) => void;
}

function apply(step: Step, data: Data, work: Work): Data {
  switch (step.kind) {
    case "same":
      return withType(data, step.type);
    case "widen":
      return withBuffers(data, step.type, { values: step.convert(data) });
    case "clash":
      forEachValid(data, (i) => work.bad(i, () => mismatch(step.path, step.from, step.type)));
      return nulls(types.field("", step.type), data.length);
    case "struct":
      return withBuffers(data, step.type, { children: applyStruct(step, data, work) });
    case "list": {
      const inner = { ...work, bad: throughOffsets(data, work.bad) };
      return withBuffers(data, step.type, { children: [applyMember(step.element, data.children[0], inner)] });
    }
    case "map": {
      const inner = { ...work, bad: throughOffsets(data, work.bad) };
      const entries = data.children[0];
      const children = applyStruct(step.entries, entries, inner);
      return withBuffers(data, step.type, { children: [withBuffers(entries, step.entries.type, { children })] });
    }
  }
}

function applyStruct({ members, extras }: StructStep, data: Data, work: Work): Data[] {
  for (const { index, path, refusal } of extras) {
    forEachValid(childOf(data, index), (i) => work.bad(i, () => refusal ?? changeNeeded(path, work.change)));
  }
  return members.map((member) => {
    if (member.index >= 0 && member.step) {
      const child = childOf(data, member.index);
      return applyMember(member, child, work, data);
    }
    if (!member.field.nullable) forEachValid(data, (i) => work.bad(i, () => nullForbidden(member.path)));
    return nulls(member.field, data.length);
  });
}

/** A column, list element, key or value; null only where the table allows it, or where its struct is null. */
function applyMember({ field, path, step }: Member, data: Data, work: Work, within: Data | null = null): Data {
  if (!field.nullable) {
    const bits = validityOf(data), above = within && validityOf(within);
    for (let i = 0; bits !== null && i < data.length; i++) {
      if (isSet(bits, data.offset + i) || (above && !isSet(above, within.offset + i))) continue;
      work.bad(i, () => nullForbidden(path));
    }
  }
  return apply(step!, data, work);
}

function forEachValid(data: Data, visit: (index: number) => void): void {
  const bits = validityOf(data);
  for (let i = 0; i < data.length; i++) if (bits === null || isSet(bits, data.offset + i)) visit(i);
}

/** Reports an element of a list as the list that has it; the index of lists is made when first needed. */
function throughOffsets(data: Data, bad: Work["bad"]): Work["bad"] {
  let owners: Int32Array | null = null;
  return (element, error) => {
    if (owners === null) {
      owners = new Int32Array(data.children[0].length).fill(-1);
      const { valueOffsets } = data;
      forEachValid(data, (i) => owners!.fill(i, valueOffsets[i], valueOffsets[i + 1]));
    }
    if (element >= 0 && owners[element] >= 0) bad(owners[element], error);
  };
}

function isSet(bits: Uint8Array, at: number): boolean {
  return (bits[at >> 3] & (1 << (at & 7))) !== 0;
}

// ---- errors

/** As a command takes it: the newest version where it is not known which. */
function subjectOf({ metadata }: Schema): string {
  const subject = metadata.get(SCHEMA_SUBJECT);
  if (subject === undefined) return "SUBJECT@VERSION";
  return /@\d+$/.test(subject) ? subject : `${subject}@latest`;
}

function changeNeeded(path: string, { diff, uri, subject }: NeededChange): DataError {
  return new DataError(
    `Cannot write the record: it has a value in "${path}", which the table "${uri}" lacks; a schema change is needed: ` +
      `${diff}. Make it with "deno task table schema apply ${uri} --subject ${subject}" and replay, or set ` +
      "schema.evolution = add",
    { reason: "schema change needed", fieldPath: path },
  );
}

function mismatch(path: string, from: DataType, to: DataType): DataError {
  return new DataError(
    `Cannot write the record: its field "${path}" is of type ${describe(from, path)}, the table's is ${
      describe(to, path)
    }`,
    { reason: "type mismatch", fieldPath: path },
  );
}

function nullForbidden(path: string): DataError {
  return new DataError(`Cannot write the record: its field "${path}" is null, the table has it NOT NULL`, {
    reason: "null in a NOT NULL column",
    fieldPath: path,
  });
}

// ---- types

function checkNames(schema: Schema): void {
  if (schema.fields.length === 0) {
    throw new DataError("Cannot create a table from records without fields", { reason: "no columns" });
  }
  arrowToDelta(schema);
}

/** A type as Delta says it; as Arrow does where Delta has no word for it. */
function describe(type: DataType, path: string): string {
  try {
    return describeDeltaType(arrowTypeToDelta(type, path));
  } catch (error) {
    if (error instanceof DataError) return String(type);
    throw error;
  }
}

function retyped(field: Field, type: DataType): Field {
  return type === field.type ? field : types.field(field.name, type, field.nullable);
}

function nullableType(type: DataType): DataType {
  const children = childFields(type);
  switch (type.typeId) {
    case Type.Struct:
      return types.struct(children.map(({ name, type }) => types.field(name, nullableType(type))));
    case Type.List:
      return types.list(nullableType(children[0].type));
    case Type.Map: {
      const [key, value] = childFields(children[0].type);
      return types.map(nullableType(key.type), nullableType(value.type));
    }
    default:
      return type;
  }
}

/** The same data under a type that differs in nullability and names at most. */
function withType(data: Data, type: DataType): Data {
  if (data.type === type || !isNested(type)) return data;
  const fields = childFields(type);
  return withBuffers(data, type, { children: data.children.map((child, i) => withType(child, fields[i].type)) });
}

function sameColumns(a: readonly Field[], b: readonly Field[]): boolean {
  return a.length === b.length &&
    a.every((field, i) =>
      field.name === b[i].name && field.nullable === b[i].nullable && field.type.typeId === b[i].type.typeId &&
      (isNested(field.type)
        ? sameColumns(childFields(field.type), childFields(b[i].type))
        : describe(field.type, "") === describe(b[i].type, ""))
    );
}

/** Whether nulls are forbidden within a type; keys of maps apart, which are never null. */
function forbidsNulls(type: DataType): boolean {
  const children = type.typeId === Type.Map ? [childFields(childFields(type)[0].type)[1]] : childFields(type);
  return children.some((child) => !child.nullable || forbidsNulls(child.type));
}
