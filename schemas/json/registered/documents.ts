/**
 * The documents of a schema (itself and what it refers to) with every reference resolved. Each `$ref` is rewritten to
 * the place that it means, so that columns and validation cannot disagree about it: `doc:1#/definitions/address`.
 *
 * @module
 */
import { DataError } from "../../../mod.ts";

/** A JSON Schema. */
export type JsonSchema = boolean | JsonSchemaObject;
/** Its keywords. */
export type JsonSchemaObject = { [keyword: string]: unknown };

/** The dialect that `$schema` names. */
export type Draft = "draft-07" | "2019-09" | "2020-12";

/** All documents; the first is the schema itself. */
export interface Documents {
  readonly draft: Draft;
  readonly documents: readonly JsonSchema[];
  /** The schema at the place that a rewritten `$ref` names; undefined: a dialect's own schema. */
  target(ref: string): JsonSchema | undefined;
  /** The place of a schema. */
  placeOf(schema: JsonSchema): string | null;
}

/** Reads the texts; DataError "invalid schema" or "unresolved reference". `references` by the names that texts use. */
export function readDocuments(
  text: string,
  references: readonly { readonly name: string; readonly text: string }[] = [],
): Documents {
  const root = parse(text, "the schema");
  const draft = draftOf(root); // before its $schema is taken out
  const index = new Index();
  const base = index.add(root, "schema://root/", null);
  const documents = [root];
  for (const { name, text } of references) {
    const document = parse(text, `the referenced schema ${JSON.stringify(name)}`);
    documents.push(document);
    index.add(document, absolute(name, base) ?? `schema://root/${encodeURIComponent(name)}`, name);
  }
  index.link();
  return {
    draft,
    documents,
    target: (ref) => index.targets.get(ref),
    placeOf: (schema) => typeof schema === "boolean" ? null : index.places.get(schema) ?? null,
  };
}

/** The key that a document has in places: `doc:0`. */
export const documentKey = (index: number): string => `doc:${index}`;

/** A keyword that is a schema, an array of schemas, or schemas by name. */
const SCHEMA = new Set([
  ...["additionalProperties", "additionalItems", "items", "contains", "propertyNames", "not", "if", "then", "else"],
  ...["unevaluatedItems", "unevaluatedProperties", "contentSchema"],
]);
const SCHEMAS = new Set(["allOf", "anyOf", "oneOf", "prefixItems", "items"]);
const NAMED_SCHEMAS = new Set([
  ...["properties", "patternProperties", "definitions", "$defs", "dependentSchemas", "dependencies"],
]);

/** A `$ref` that waits until all documents are known. */
interface Link {
  readonly schema: JsonSchemaObject;
  readonly ref: string;
  readonly base: string;
  readonly place: string;
}

/** A document or a part of one that has an identifier of its own. */
interface Resource {
  readonly schema: JsonSchema;
  readonly place: string;
  readonly base: string;
}

class Index {
  readonly places = new Map<JsonSchemaObject, string>();
  readonly targets = new Map<string, JsonSchema>();
  readonly #resources = new Map<string, Resource>();
  readonly #byName = new Map<string, Resource>();
  readonly #anchors = new Map<string, JsonSchemaObject>();
  readonly #links: Link[] = [];
  #documents = 0;

  /** Takes a document in; returns the base of references in it. */
  add(document: JsonSchema, base: string, name: string | null): string {
    const place = `${documentKey(this.#documents++)}#`;
    const own = typeof document === "object" && typeof document.$id === "string" ? absolute(document.$id, base) : null;
    const resource = { schema: document, place, base: withoutFragment(own ?? base) };
    this.#resources.set(withoutFragment(base), resource);
    if (name !== null) this.#byName.set(name, resource);
    this.#visit(document, base, place);
    return resource.base;
  }

  /** Rewrites all references; those in places that only a reference reaches are met on the way. */
  link(): void {
    for (let i = 0; i < this.#links.length; i++) this.#link(this.#links[i]);
  }

  #visit(schema: unknown, outer: string, place: string): void {
    if (Array.isArray(schema) || typeof schema !== "object" || schema === null) return;
    const object = schema as JsonSchemaObject;
    if (this.places.has(object)) return;
    this.places.set(object, place);
    const base = this.#identify(object, outer, place);
    for (const keyword of ["$ref", "$dynamicRef", "$recursiveRef"]) {
      const ref = object[keyword];
      if (typeof ref !== "string") continue;
      delete object[keyword];
      this.#links.push({ schema: object, ref, base, place });
    }
    for (const [keyword, value] of Object.entries(object)) {
      const at = below(place, keyword);
      if (SCHEMAS.has(keyword) && Array.isArray(value)) {
        value.forEach((each, i) => this.#visit(each, base, below(at, String(i))));
      } else if (SCHEMA.has(keyword)) this.#visit(value, base, at);
      else if (NAMED_SCHEMAS.has(keyword) && typeof value === "object" && value !== null) {
        for (const [name, each] of Object.entries(value)) this.#visit(each, base, below(at, name));
      }
    }
  }

  /**
   * Notes identifiers and anchors and takes them out: from here on places name schemas. So is `id`, which says nothing since
   * draft 6, but which the validator stops at.
   */
  #identify(schema: JsonSchemaObject, outer: string, place: string): string {
    const { $id, $anchor, $dynamicAnchor } = schema;
    for (const keyword of ["$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$schema", "id"]) {
      delete schema[keyword];
    }
    let base = outer;
    if (typeof $id === "string") {
      // Draft 7 writes an anchor as an identifier that is a fragment.
      if ($id.startsWith("#")) this.#anchors.set(`${withoutFragment(outer)}${$id}`, schema);
      else {
        base = withoutFragment(absolute($id, outer) ?? $id);
        this.#resources.set(base, { schema, place, base });
      }
    }
    for (const anchor of [$anchor, $dynamicAnchor]) {
      if (typeof anchor === "string") this.#anchors.set(`${withoutFragment(base)}#${anchor}`, schema);
    }
    return base;
  }

  #link({ schema, ref, base, place }: Link): void {
    const [uri, fragment = ""] = ref.split("#", 2);
    if (/^https?:\/\/json-schema\.org\/draft/.test(uri)) return void addRef(schema, ref);
    const whole = withoutFragment(uri === "" ? base : absolute(uri, base) ?? uri);
    const resource = this.#resources.get(whole) ?? this.#byName.get(uri);
    const found = resource && this.#within(resource, fragment);
    if (!found) {
      throw new DataError(
        `Cannot use the JSON Schema: the reference ${
          JSON.stringify(ref)
        } at ${place} leads nowhere; expected a place ` +
          `in the schema, or the name or $id of a schema that it references in the registry`,
        { reason: "unresolved reference" },
      );
    }
    this.targets.set(found.place, found.schema);
    addRef(schema, found.place);
  }

  #within({ schema, place, base }: Resource, fragment: string): Omit<Resource, "base"> | null {
    if (fragment === "") return { schema, place };
    if (!fragment.startsWith("/")) {
      const anchored = this.#anchors.get(`${base}#${fragment}`);
      return anchored ? { schema: anchored, place: this.places.get(anchored)! } : null;
    }
    let current: unknown = schema;
    let at = place;
    for (const part of fragment.slice(1).split("/")) {
      const name = decoded(part).replaceAll("~1", "/").replaceAll("~0", "~");
      if (typeof current !== "object" || current === null || !Object.hasOwn(current, name)) return null;
      current = (current as Record<string, unknown>)[name];
      at = below(at, name);
    }
    if (typeof current !== "boolean" && (typeof current !== "object" || current === null)) return null;
    this.#visit(current, base, at);
    return { schema: current as JsonSchema, place: at };
  }
}

/** A reference holds beside what stands next to it, in every draft. */
function addRef(schema: JsonSchemaObject, ref: string): void {
  if (schema.$ref === undefined) schema.$ref = ref;
  else schema.allOf = [...(Array.isArray(schema.allOf) ? schema.allOf : []), { $ref: ref }];
}

function parse(text: string, what: string): JsonSchema {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw new DataError(`Cannot use ${what}: it is not JSON (${(error as Error).message}), expected a JSON Schema`, {
      reason: "invalid schema",
    });
  }
  if (typeof schema === "boolean" || (typeof schema === "object" && schema !== null && !Array.isArray(schema))) {
    return schema as JsonSchema;
  }
  throw new DataError(`Cannot use ${what}: expected a JSON Schema, an object or a boolean`, {
    reason: "invalid schema",
  });
}

function draftOf(schema: JsonSchema): Draft {
  const dialect = typeof schema === "object" && typeof schema.$schema === "string" ? schema.$schema : "";
  if (dialect.includes("2020-12")) return "2020-12";
  if (dialect.includes("2019-09")) return "2019-09";
  if (!/draft-0[345]/.test(dialect)) return "draft-07";
  throw new DataError(`Cannot use the JSON Schema: its $schema is ${dialect}, expected draft 7 or 2020-12`, {
    reason: "schema draft not supported",
  });
}

function absolute(uri: string, base: string): string | null {
  return URL.canParse(uri, base) ? new URL(uri, base).href : null;
}

function withoutFragment(uri: string): string {
  return uri.replace(/#.*$/, "");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function below(place: string, name: string): string {
  return `${place}/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
}
