/**
 * Columns as JSON text (`columns.json`), for what a converter has left in columns of other types.
 *
 * @module
 */
import { type Data, type Field, type RecordBatch, Schema, Type } from "apache-arrow";
import { type BytesColumn, createColumn, jsonText, recordBatch, types } from "./api/mod.ts";

/** Puts JSON text at the paths; the same input schema always gives the same output schema. */
export type JsonColumns = (batch: RecordBatch) => RecordBatch;

/** For these paths (`ConverterContext.jsonPaths`); without any, batches pass as they are. */
export function createJsonColumns(paths: ReadonlySet<string>): JsonColumns {
  if (paths.size === 0) return (batch) => batch;
  const plans = new WeakMap<Schema, Plan>();
  return (batch) => {
    let plan = plans.get(batch.schema);
    if (!plan) plans.set(batch.schema, plan = planOf(batch.schema, paths));
    if (plan.steps.every((step) => step === null)) return batch;
    const { children } = batch.data;
    return recordBatch(plan.schema, children.map((child, i) => plan.steps[i]?.(child) ?? child), batch.numRows);
  };
}

interface Plan {
  readonly schema: Schema;
  /** A column to what it becomes; null: it stays. */
  readonly steps: readonly (Step | null)[];
}

type Step = (data: Data) => Data;

function planOf(schema: Schema, paths: ReadonlySet<string>): Plan {
  const members = schema.fields.map((field) => memberOf(field, field.name, paths));
  return {
    schema: new Schema(members.map(({ field }) => field), schema.metadata),
    steps: members.map(({ step }) => step),
  };
}

/** What a field becomes. */
interface Member {
  readonly field: Field;
  readonly step: Step | null;
}

function memberOf(field: Field, path: string, paths: ReadonlySet<string>): Member {
  if (types.isJson(field)) return { field, step: null };
  if (paths.has(path)) {
    const text = types.jsonField(field.name, field.nullable);
    return { field: text, step: (data) => textOf(data, field, path, text) };
  }
  const { type } = field;
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Struct: {
      const members = children.map((child) => memberOf(child, `${path}.${child.name}`, paths));
      return nested(field, members, () => types.struct(members.map((member) => member.field)));
    }
    case Type.List: {
      const element = memberOf(children[0], `${path}[]`, paths);
      return nested(field, [element], () => types.list(element.field));
    }
    case Type.Map: {
      const [key, value] = children[0].type.children as Field[];
      const inner = memberOf(value, `${path}{}`, paths);
      const map = types.map(key.type, inner.field);
      const entries = (map.children as Field[])[0];
      const step = nested(entries, [{ field: key, step: null }, inner], () => entries.type).step;
      return nested(field, [{ field: entries, step }], () => map);
    }
    default:
      return { field, step: null };
  }
}

function nested(field: Field, members: readonly Member[], typeOf: () => Field["type"]): Member {
  if (members.every(({ step }) => step === null)) return { field, step: null };
  const type = typeOf();
  const step: Step = (data) => {
    const children = data.children.map((child, i) => members[i].step?.(child) ?? child);
    return data.clone(type, data.offset, data.length, data.nullCount, data.buffers, children);
  };
  return { field: field.clone({ type }), step };
}

/** A null stays a null of the column. */
function textOf(data: Data, field: Field, path: string, { type }: Field): Data {
  const column = createColumn(type) as BytesColumn;
  for (let i = 0; i < data.length; i++) {
    const text = jsonText.ofColumn(data, i, field, path);
    if (text === "null") column.appendNull();
    else column.appendString(text);
  }
  return column.finish();
}
