/**
 * A JSON Schema to the shape of its values.
 *
 * @module
 */
import { DataError } from "../../../mod.ts";
import { documentKey, type Documents, type JsonSchema, type JsonSchemaObject } from "./documents.ts";
import { additionalOf, impliedType, numberHolding, ordered, schemaAt, stringHolding } from "./keywords.ts";
import {
  ANY,
  type Branch,
  join,
  meet,
  nameOf,
  NEVER,
  type ObjectShape,
  type Shape,
  type Slot,
  unionOf,
  withOptional,
} from "./shape.ts";

/** Schemas that are looked at for one shape: references can multiply without end. */
const VISITS_MAX = 100_000;
const NESTING_MAX = 200;

/** The shape of all values; DataError where the schema is larger than any table's. */
export function resolveShape(documents: Documents): Slot {
  return new Resolver(documents).slot(documents.documents[0]);
}

class Resolver {
  #visits = 0;
  /** What is being resolved, the schema itself and the references on the way: one that comes again is recursive. */
  readonly #within = [`${documentKey(0)}#`];
  #depth = 0;

  constructor(private readonly documents: Documents) {}

  slot(schema: JsonSchema): Slot {
    if (schema === true) return ANY;
    if (schema === false) return NEVER;
    if (++this.#visits > VISITS_MAX || ++this.#depth > NESTING_MAX) {
      const why = this.#depth > NESTING_MAX ? `nests more than ${NESTING_MAX} levels` : "multiplies without end";
      throw new DataError(`Cannot hold the JSON Schema in columns: it ${why}`, { reason: "schema too large" });
    }
    let slot = this.#own(schema);
    if (typeof schema.$ref === "string") slot = meet(slot, this.#referred(schema.$ref));
    for (const part of schemasOf(schema.allOf)) slot = meet(slot, this.slot(part));
    for (const keyword of ["anyOf", "oneOf"] as const) {
      const branches = schemasOf(schema[keyword]);
      if (branches.length > 0) slot = this.#alternatives(slot, branches);
    }
    for (const part of conditional(schema)) {
      const { shape } = slot;
      if (shape.kind !== "object") break;
      const more = this.slot(part).shape;
      if (more.kind === "object") slot = { ...slot, shape: withOptional(shape, more) };
    }
    this.#depth--;
    return slot;
  }

  #referred(ref: string): Slot {
    const target = this.documents.target(ref);
    // A value that holds others of its own kind has no bounds; a column of JSON text holds it.
    if (target === undefined || this.#within.includes(ref)) return ANY;
    this.#within.push(ref);
    const slot = this.slot(target);
    this.#within.pop();
    return slot;
  }

  /** What the schema's own keywords say, those that bring in other schemas left out. */
  #own(schema: JsonSchemaObject): Slot {
    const values = Array.isArray(schema.enum) ? schema.enum : "const" in schema ? [schema.const] : null;
    const declared = typeof schema.type === "string" ? [schema.type] : Array.isArray(schema.type) ? schema.type : null;
    const kinds = values && new Set(values.map(typeOfValue));
    let names: readonly string[];
    if (declared) {
      const allowed = schema.nullable === true ? [...declared, "null"] : declared;
      names = kinds
        ? allowed.filter((name) => kinds.has(name) || (name === "number" && kinds.has("integer")))
        : allowed;
    } else if (kinds) names = [...kinds];
    else {
      const implied = impliedType(schema);
      if (implied === null) return ANY;
      names = [implied, "null"];
    }
    const branches = names.filter((name) => name !== "null").map((name): Branch => {
      // Objects and arrays among the values of an enum have no type of their own.
      const shape = !declared && kinds && (name === "object" || name === "array")
        ? ANY.shape
        : this.#typed(name, schema);
      return { name, at: null, shape };
    });
    return { shape: unionOf(branches), nullable: names.includes("null") };
  }

  #typed(type: string, schema: JsonSchemaObject): Shape {
    switch (type) {
      case "boolean":
        return { kind: "boolean" };
      case "string":
        return { kind: "string", as: stringHolding(schema) };
      case "integer":
      case "number":
        return { kind: type, as: numberHolding(type, schema) };
      case "array":
        return this.#list(schema);
      case "object":
        return this.#object(schema);
      default:
        return ANY.shape;
    }
  }

  /** A tuple is a list where one column holds all of its places. */
  #list(schema: JsonSchemaObject): Shape {
    const places = Array.isArray(schema.prefixItems)
      ? schema.prefixItems
      : Array.isArray(schema.items)
      ? schema.items
      : null;
    if (places === null) return { kind: "list", element: this.slot(schemaAt(schema.items)) };
    const rest = Array.isArray(schema.prefixItems) ? schema.items : schema.additionalItems;
    const isFull = typeof schema.maxItems === "number" && schema.maxItems <= places.length;
    const element = [...places.map(schemaAt), ...(isFull ? [] : [schemaAt(rest)])]
      .map((each) => this.slot(each)).reduce(join, NEVER);
    return element.shape.kind === "any" || element.shape.kind === "union" ? ANY.shape : { kind: "list", element };
  }

  #object(schema: JsonSchemaObject): ObjectShape {
    const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
    const members = new Map(ordered(properties).map(([name, each]) => [name, this.slot(each)]));
    const required = new Set(Array.isArray(schema.required) ? schema.required as string[] : []);
    return { kind: "object", members, required, additional: additionalOf(schema, (each) => this.slot(each)) };
  }

  /** `oneOf` and `anyOf`: an object with properties of its own gets those of all branches, others are unions. */
  #alternatives(base: Slot, schemas: readonly JsonSchema[]): Slot {
    const branches = schemas.map((schema) => ({ schema, slot: meet(base, this.slot(schema)) }));
    const nullable = branches.some(({ slot }) => slot.nullable);
    if (base.shape.kind === "object" && base.shape.members.size > 0) {
      return { shape: branches.map(({ slot }) => ({ ...slot, nullable })).reduce(join, NEVER).shape, nullable };
    }
    const named = branches.map(({ schema, slot: { shape } }): Branch => ({
      name: this.#nameOf(schema) ?? nameOf(shape),
      at: this.documents.placeOf(schema),
      shape,
    }));
    return { shape: unionOf(named), nullable };
  }

  /** A branch's title, or the last part of its reference. */
  #nameOf(schema: JsonSchema): string | null {
    if (typeof schema === "boolean") return null;
    if (typeof schema.title === "string" && schema.title !== "") return schema.title;
    if (typeof schema.$ref !== "string") return null;
    const target = this.documents.target(schema.$ref);
    const title = typeof target === "object" ? this.#nameOf(target) : null;
    const last = decodeURIComponent(schema.$ref.split("/").at(-1)!);
    return title ?? (last.includes("#") ? null : last);
  }
}

/** Schemas that hold only under a condition: their members are optional ones. */
function conditional(schema: JsonSchemaObject): readonly JsonSchema[] {
  const dependent = [schema.dependentSchemas, schema.dependencies].flatMap((named) =>
    typeof named === "object" && named !== null ? Object.values(named) : []
  );
  return [schema.if === undefined ? undefined : schema.then, schema.if === undefined ? undefined : schema.else]
    .concat(dependent).filter((each): each is JsonSchemaObject =>
      typeof each === "object" && each !== null && !Array.isArray(each)
    );
}

function schemasOf(value: unknown): readonly JsonSchema[] {
  return Array.isArray(value) ? value : [];
}

function typeOfValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
