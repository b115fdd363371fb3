/**
 * What single keywords of a JSON Schema say about columns.
 *
 * @module
 */
import type { JsonSchema, JsonSchemaObject } from "./documents.ts";
import { ANY, type Holding, join, NEVER, type Slot } from "./shape.ts";

/** The type that keywords of one type imply where none is declared; null: they imply nothing. */
export function impliedType(schema: JsonSchemaObject): string | null {
  if (OBJECT_KEYWORDS.some((keyword) => keyword in schema)) return "object";
  return "items" in schema || "prefixItems" in schema ? "array" : null;
}

const OBJECT_KEYWORDS = [
  ...["properties", "patternProperties", "additionalProperties", "required", "unevaluatedProperties"],
];

/** How a string is held, by `format` and Connect's `connect.type`. */
export function stringHolding(schema: JsonSchemaObject): Holding | null {
  if (schema["connect.type"] === "bytes") return "binary";
  return schema.format === "date-time" ? "timestamp" : schema.format === "date" ? "date" : null;
}

/** How a number is held, by Connect's `title` and `connect.type`. */
export function numberHolding(type: "integer" | "number", schema: JsonSchemaObject): Holding | null {
  const parameters = (schema["connect.parameters"] ?? {}) as Record<string, unknown>;
  const connectType = schema["connect.type"];
  switch (schema.title) {
    case "org.apache.kafka.connect.data.Decimal": {
      const precision = Number(parameters["connect.decimal.precision"] ?? 38), scale = Number(parameters.scale);
      const fits = Number.isInteger(precision) && precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision;
      return fits && Number.isInteger(scale) ? `decimal(${precision},${scale})` : null;
    }
    case "org.apache.kafka.connect.data.Date":
      return type === "integer" ? "epoch-days" : null;
    case "org.apache.kafka.connect.data.Timestamp":
      return type === "integer" ? "epoch-millis" : null;
  }
  if (connectType === "float32" && type === "number") return connectType;
  if (type !== "integer") return null;
  return connectType === "int8" || connectType === "int16" || connectType === "int32" ? connectType : null;
}

/** Properties in the order of the text, or by Connect's `connect.index` where some have one. */
export function ordered(properties: readonly [string, JsonSchema][]): readonly [string, JsonSchema][] {
  const indexOf = (schema: JsonSchema) => {
    const index = typeof schema === "object" ? schema["connect.index"] : undefined;
    return typeof index === "number" ? index : Infinity;
  };
  // Infinities are equal: those without an index stay in their order, at the end.
  return properties.toSorted(([, a], [, b]) => indexOf(a) === indexOf(b) ? 0 : indexOf(a) - indexOf(b));
}

/** The members beside `properties`: null where no keyword speaks of them. */
export function additionalOf(schema: JsonSchemaObject, slotOf: (schema: JsonSchema) => Slot): Slot | null {
  const patterns = Object.entries((schema.patternProperties ?? {}) as Record<string, JsonSchema>);
  const rest = schema.additionalProperties ?? schema.unevaluatedProperties;
  if (patterns.length === 0) return rest === undefined ? null : slotOf(rest as JsonSchema);
  const matched = patterns.map(([, each]) => slotOf(each)).reduce(join, NEVER);
  if (patterns.some(([pattern]) => EVERYTHING.has(pattern))) return matched;
  return join(matched, rest === undefined ? ANY : slotOf(rest as JsonSchema));
}

const EVERYTHING = new Set(["", "^", ".*", "^.*", ".*$", "^.*$"]);

/** A subschema where one may stand: what is missing lets everything through. */
export function schemaAt(value: unknown): JsonSchema {
  return value === undefined ? true : value as JsonSchema;
}
