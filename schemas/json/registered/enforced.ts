/**
 * Whether reading a record into its columns already proves that it is valid, so that nothing needs to be parsed for the
 * validation. True of schemas that say no more than types, `properties` and `required`; a property test holds this to
 * what the library says.
 *
 * @module
 */
import { documentKey, type Documents, type JsonSchema, type JsonSchemaObject } from "./documents.ts";

/** Whether strict readers (`MappingOptions.isStrict`) accept valid records alone. */
export function isEnforced(documents: Documents): boolean {
  const root = documents.documents[0];
  return typeof root === "object" && root.type === "object" && isObject(root, documents, [`${documentKey(0)}#`]);
}

/** Keywords that say nothing about what is valid. */
const ANNOTATIONS = new Set([
  ...["title", "description", "default", "examples", "$comment", "definitions", "$defs", "deprecated", "readOnly"],
  ...["writeOnly", "contentEncoding", "contentMediaType"],
]);

/** Whether a column enforces the schema; `within`: the references on the way to it. */
function isColumn(schema: unknown, documents: Documents, within: readonly string[]): boolean {
  if (schema === undefined || schema === true) return true;
  if (typeof schema !== "object") return false;
  const object = schema as JsonSchemaObject;
  const said = keywordsOf(object);
  if (said.length === 0) return true;
  if (typeof object.$ref === "string") return said.length === 1 && isReferred(object.$ref, documents, within);
  for (const keyword of ["oneOf", "anyOf"]) {
    if (said.length === 1 && said[0] === keyword) return isNullOr(object[keyword], documents, within);
  }
  const types = (Array.isArray(object.type) ? object.type : [object.type]).filter((type) => type !== "null");
  if (types.length !== 1) return false;
  switch (types[0]) {
    case "boolean":
    case "integer":
    case "number":
      return has(said, ["type"]);
    case "string":
      return has(said, ["type", "format"]) && [undefined, "date", "date-time"].includes(object.format as string);
    case "array":
      return has(said, ["type", "items"]) && !Array.isArray(object.items) && isColumn(object.items, documents, within);
    case "object":
      return isObject(object, documents, within);
    default:
      return false;
  }
}

function isObject(schema: JsonSchemaObject, documents: Documents, within: readonly string[]): boolean {
  if (!has(keywordsOf(schema), ["type", "properties", "required", "additionalProperties"])) return false;
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
  const { additionalProperties: more, required = [] } = schema;
  if (properties.length === 0) {
    // A map; of what is held as the text of a whole, nothing is checked.
    return required instanceof Array && required.length === 0 && typeof more === "object" && more !== null &&
      keywordsOf(more as JsonSchemaObject).length > 0 && isColumn(more, documents, within);
  }
  return (more === undefined || typeof more === "boolean") &&
    (required as string[]).every((name) => properties.some(([property]) => property === name)) &&
    properties.every(([, each]) => isColumn(each, documents, within));
}

/** A type that holds itself is JSON text, of which nothing is checked. */
function isReferred(ref: string, documents: Documents, within: readonly string[]): boolean {
  if (within.includes(ref)) return false;
  const target = documents.target(ref);
  return typeof target === "object" && keywordsOf(target).length > 0 && isColumn(target, documents, [...within, ref]);
}

/** Null and one type that is not. */
function isNullOr(branches: unknown, documents: Documents, within: readonly string[]): boolean {
  if (!Array.isArray(branches) || branches.length !== 2) return false;
  const isNull = (schema: JsonSchema) =>
    typeof schema === "object" && schema.type === "null" && keywordsOf(schema).length === 1;
  const others = branches.filter((each) => !isNull(each));
  const [other] = others;
  return others.length === 1 && typeof other === "object" && typeof other.type === "string" &&
    isColumn(other, documents, within);
}

function keywordsOf(schema: JsonSchemaObject): readonly string[] {
  return Object.keys(schema).filter((keyword) => !ANNOTATIONS.has(keyword) && !keyword.startsWith("connect."));
}

function has(said: readonly string[], allowed: readonly string[]): boolean {
  return said.every((keyword) => allowed.includes(keyword));
}
