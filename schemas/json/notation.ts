/**
 * Schemas as JSON text, in Delta's notation (Delta protocol, Schema Serialization Format):
 * `{"type":"struct","fields":[{"name":"id","type":"long","nullable":false,"metadata":{}}]}`.
 *
 * @module
 */
import { type DataType, type Field, Schema } from "apache-arrow";
import { types } from "../../mod.ts";

/** Reads a schema; throws Error with the path of what is wrong. `nullable` is true and `metadata` empty where left out. */
export function parseSchema(text: string): Schema {
  const fields = structFields(JSON.parse(text), "the schema");
  return new Schema(fields);
}

function structFields(node: unknown, path: string): Field[] {
  const { type, fields } = objectAt(node, path);
  if (type !== "struct" || !Array.isArray(fields)) {
    throw new Error(`${path}: expected {"type": "struct", "fields": [...]}, found ${short(node)}`);
  }
  const names = new Map<string, string>();
  return fields.map((entry, i) => {
    const { name, type, nullable = true } = objectAt(entry, `${path}, field ${i}`);
    if (typeof name !== "string") throw new Error(`${path}, field ${i}: expected a name, found ${short(name)}`);
    const other = names.get(name.toLowerCase());
    if (other !== undefined) throw new Error(`${path}: fields "${other}" and "${name}" are the same to a table`);
    names.set(name.toLowerCase(), name);
    return types.field(name, typeAt(type, `field "${name}"`), flag(nullable, `field "${name}"`));
  });
}

function typeAt(node: unknown, path: string): DataType {
  if (typeof node === "string") {
    const primitive = Object.hasOwn(types.PRIMITIVES, node) ? types.PRIMITIVES[node]() : decimalOf(node);
    if (primitive) return primitive;
    throw new Error(
      `${path}: type ${short(node)} is not known; expected one of ${Object.keys(types.PRIMITIVES).join(", ")}, ` +
        `decimal(p,s), or an object for struct, array or map`,
    );
  }
  const object = objectAt(node, path);
  switch (object.type) {
    case "struct":
      return types.struct(structFields(node, path));
    case "array":
      return types.list(typeAt(object.elementType, `${path}[]`), flag(object.containsNull ?? true, path));
    case "map": {
      if (object.keyType !== "string") throw new Error(`${path}: keys of JSON objects are "string"`);
      const nullable = flag(object.valueContainsNull ?? true, path);
      return types.map(types.utf8(), typeAt(object.valueType, `${path}[]`), nullable);
    }
    default:
      throw new Error(`${path}: expected a struct, array or map, found ${short(node)}`);
  }
}

function decimalOf(text: string): DataType | null {
  const [, precision, scale] = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(text) ?? [];
  const valid = precision !== undefined && +precision >= 1 && +precision <= 38 && +scale <= +precision;
  return valid ? types.decimal(+precision, +scale) : null;
}

function objectAt(node: unknown, path: string): Record<string, unknown> {
  if (typeof node === "object" && node !== null && !Array.isArray(node)) return node as Record<string, unknown>;
  throw new Error(`${path}: expected an object, found ${short(node)}`);
}

function flag(value: unknown, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw new Error(`${path}: expected true or false, found ${short(value)}`);
}

function short(node: unknown): string {
  return (JSON.stringify(node) ?? "nothing").slice(0, 80);
}
