/**
 * `columns.json` for plain JSON: what a schema has at the paths becomes JSON text, which is the record's own.
 *
 * @module
 */
import { type DataType, type Field, Schema, Type } from "apache-arrow";
import { types } from "../../mod.ts";
import { below } from "../rows.ts";

/** The schema with `types.jsonField`s at the paths (`ConverterContext.jsonPaths`). */
export function withJsonFields(schema: Schema, paths: ReadonlySet<string>): Schema {
  if (paths.size === 0) return schema;
  return new Schema(schema.fields.map((field) => withText(field, field.name, paths)), schema.metadata);
}

/** A field with those at the paths at it and below. */
export function withText(field: Field, path: string, paths: ReadonlySet<string>): Field {
  if (paths.size === 0) return field;
  if (paths.has(path)) {
    const text = types.jsonField(field.name, field.nullable);
    for (const [key, value] of field.metadata) text.metadata.set(key, value);
    return text;
  }
  const type = typeWith(field.type, path, paths);
  return type === field.type ? field : field.clone({ type });
}

function typeWith(type: DataType, path: string, paths: ReadonlySet<string>): DataType {
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Struct:
      return types.struct(children.map((child) => withText(child, below(path, child.name), paths)));
    case Type.List:
      return types.list(withText(children[0], `${path}[]`, paths));
    case Type.Map: {
      const [key, value] = children[0].type.children as Field[];
      return types.map(key.type, withText(value, `${path}{}`, paths));
    }
    default:
      return type;
  }
}
