/**
 * Avro schemas as JSON text to a tree of types (Apache Avro 1.12 specification, "Schema Declaration").
 *
 * @module
 */
import avsc from "avsc";
import { DataError } from "../../mod.ts";

/** Types without parts. */
export type PrimitiveKind = "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string";

/** A logical type that is valid where it stands; others are ignored, as the specification asks. */
export type Logical =
  | { readonly name: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly name: "date" | "time-millis" | "time-micros" | "uuid" | "duration" }
  | { readonly name: "timestamp-millis" | "timestamp-micros" | "timestamp-nanos" }
  | { readonly name: "local-timestamp-millis" | "local-timestamp-micros" | "local-timestamp-nanos" };

/** A primitive type. */
export interface AvroPrimitive {
  readonly kind: PrimitiveKind;
  readonly logical?: Logical;
}
interface Named {
  /** The full name. */
  readonly name: string;
  /** Full names. */
  readonly aliases: readonly string[];
}
/** `size` bytes. */
export interface AvroFixed extends Named {
  readonly kind: "fixed";
  readonly size: number;
  readonly logical?: Logical;
}
/** One of `symbols`. */
export interface AvroEnum extends Named {
  readonly kind: "enum";
  readonly symbols: readonly string[];
  readonly fallback?: string;
}
/** A field of a record; `fallback` is its default as JSON (integers beyond 2^53 are bigints), undefined: none. */
export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  readonly fallback?: unknown;
  /** `confluent:tags`, which rules of data contracts name; absent: none. */
  readonly tags?: readonly string[];
}
/** Fields in order. A record may contain itself: the tree is a graph. */
export interface AvroRecord extends Named {
  readonly kind: "record";
  readonly fields: readonly AvroField[];
}
/** A list. */
export interface AvroArray {
  readonly kind: "array";
  readonly items: AvroType;
}
/** A map with strings as keys. */
export interface AvroMap {
  readonly kind: "map";
  readonly values: AvroType;
}
/** One of `branches`. */
export interface AvroUnion {
  readonly kind: "union";
  readonly branches: readonly AvroType[];
}
/** Any type. */
export type AvroType = AvroPrimitive | AvroFixed | AvroEnum | AvroRecord | AvroArray | AvroMap | AvroUnion;

/**
 * Parses a schema; `references` are the texts of schemas whose named types it may use, dependencies first.
 * Throws DataError "invalid schema" with the path of what is wrong.
 */
export function parseSchema(text: string, references: readonly string[] = []): AvroType {
  const registry = {};
  const names = new Map<string, AvroType>();
  let type: AvroType | undefined;
  for (const part of [...references, text]) {
    const json = parseJson(part);
    checkBounds(json, 0);
    try {
      // The library knows every rule about names, symbols and unions; its types are for objects, so we walk the JSON.
      avsc.Type.forSchema(forLibrary(JSON.parse(part)) as avsc.Schema, { registry });
    } catch (cause) {
      throw invalid(`avsc refuses it: ${(cause as Error).message}`, "", cause);
    }
    type = new Walk(names).type(json, "", "");
  }
  return type!;
}

const NESTING_MAX = 100;
const PRIMITIVES = new Set(["null", "boolean", "int", "long", "float", "double", "bytes", "string"]);
const KINDS = new Set([...PRIMITIVES, "record", "error", "enum", "fixed", "array", "map"]);

type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** JSON with integers beyond 2^53 as bigints: a default is never rounded. */
function parseJson(text: string): Json {
  const exact = (_key: string, value: Json, context?: { source?: string }): Json => {
    if (typeof value !== "number" || Number.isSafeInteger(value) || !/^-?\d+$/.test(context?.source ?? "")) {
      return value;
    }
    return BigInt(context!.source!);
  };
  try {
    return JSON.parse(text, exact);
  } catch (cause) {
    throw invalid(`it is not JSON: ${(cause as Error).message}`, "", cause);
  }
}

/** Refuses what is nested so deeply that a walk could exhaust the stack. */
function checkBounds(json: Json, depth: number): void {
  if (depth > 4 * NESTING_MAX) throw invalid(`it is nested more than ${4 * NESTING_MAX} levels deep`, "");
  if (typeof json !== "object" || json === null) return;
  for (const part of Object.values(json)) checkBounds(part, depth + 1);
}

/** The same schema in the forms that avsc knows, without defaults: those are checked where they are used. */
function forLibrary(json: Json): Json {
  if (Array.isArray(json)) return json.map(forLibrary);
  if (typeof json !== "object" || json === null) return json;
  const { type } = json;
  if (type !== undefined && (typeof type !== "string" || !KINDS.has(type))) return forLibrary(type);
  const out: JsonObject = { ...json };
  delete out.default;
  if (Array.isArray(json.fields)) {
    out.fields = json.fields.map((field) => {
      if (typeof field !== "object" || field === null || Array.isArray(field)) return field;
      const copy: JsonObject = { ...field };
      delete copy.default;
      if (field.type !== undefined) copy.type = forLibrary(field.type);
      return copy;
    });
  }
  if (json.items !== undefined) out.items = forLibrary(json.items);
  if (json.values !== undefined) out.values = forLibrary(json.values);
  return out;
}

/** One walk of a schema that avsc has found valid; what is still asserted here, avsc lets pass. */
class Walk {
  constructor(private readonly names: Map<string, AvroType>) {}

  type(json: Json, namespace: string, path: string): AvroType {
    if (typeof json === "string") return this.named(json, namespace, path);
    if (Array.isArray(json)) return { kind: "union", branches: json.map((part) => this.type(part, namespace, path)) };
    if (typeof json !== "object" || json === null) throw invalid(`${JSON.stringify(json)} is not a type`, path);
    const kind = json.type;
    if (typeof kind !== "string") return this.type(kind, namespace, path);
    switch (kind) {
      case "record":
      case "error":
        return this.record(json, namespace, path);
      case "enum": {
        const symbols = json.symbols as string[];
        const fallback = json.default;
        if (fallback !== undefined && !symbols.includes(fallback as string)) {
          throw invalid(`the default ${JSON.stringify(fallback)} is none of the enum's symbols`, path);
        }
        return this.define({ kind, ...nameOf(json, namespace), symbols, fallback: fallback as string | undefined });
      }
      case "fixed": {
        const size = json.size as number;
        return this.define({ kind, ...nameOf(json, namespace), size, logical: logicalOf(json, kind, size) });
      }
      case "array":
        return { kind, items: this.type(json.items, namespace, `${path}[]`) };
      case "map":
        return { kind, values: this.type(json.values, namespace, `${path}{}`) };
      default:
        if (!PRIMITIVES.has(kind)) return this.named(kind, namespace, path);
        return { kind: kind as PrimitiveKind, logical: logicalOf(json, kind, 0) };
    }
  }

  private record(json: JsonObject, namespace: string, path: string): AvroRecord {
    const fields: AvroField[] = [];
    const record: AvroRecord = { kind: "record", ...nameOf(json, namespace), fields };
    this.names.set(record.name, record);
    const inner = namespaceOf(record.name);
    for (const field of json.fields as JsonObject[]) {
      const name = field.name as string;
      fields.push({
        name,
        aliases: (field.aliases ?? []) as string[],
        type: this.type(field.type, inner, path === "" ? name : `${path}.${name}`),
        fallback: field.default,
        ...(Array.isArray(field["confluent:tags"]) ? { tags: field["confluent:tags"].map(String) } : {}),
      });
    }
    return record;
  }

  private define<T extends AvroEnum | AvroFixed>(type: T): T {
    this.names.set(type.name, type);
    return type;
  }

  private named(name: string, namespace: string, path: string): AvroType {
    if (PRIMITIVES.has(name)) return { kind: name as PrimitiveKind };
    const type = this.names.get(qualified(name, namespace)) ?? this.names.get(name);
    if (!type) throw invalid(`it names "${name}", which is not defined`, path);
    return type;
  }
}

function nameOf(json: JsonObject, namespace: string): Named {
  const name = qualified(json.name as string, (json.namespace as string | undefined) ?? namespace);
  const inner = namespaceOf(name);
  return { name, aliases: ((json.aliases ?? []) as string[]).map((alias) => qualified(alias, inner)) };
}

function qualified(name: string, namespace: string): string {
  return name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
}

function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

/** A full name without its namespace. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

const LOGICAL_BASES: Readonly<Record<string, readonly string[]>> = {
  "date": ["int"],
  "time-millis": ["int"],
  "time-micros": ["long"],
  "timestamp-millis": ["long"],
  "timestamp-micros": ["long"],
  "timestamp-nanos": ["long"],
  "local-timestamp-millis": ["long"],
  "local-timestamp-micros": ["long"],
  "local-timestamp-nanos": ["long"],
  "uuid": ["string", "fixed:16"],
  "duration": ["fixed:12"],
};

/** "Language implementations must ignore unknown logical types", and those that are invalid where they stand. */
function logicalOf(json: JsonObject, kind: string, size: number): Logical | undefined {
  const name = json.logicalType;
  if (typeof name !== "string") return undefined;
  if (name === "decimal") {
    const { precision, scale = 0 } = json;
    if (kind !== "bytes" && kind !== "fixed") return undefined;
    if (!Number.isInteger(precision) || !Number.isInteger(scale)) return undefined;
    const digits = precision as number;
    if (digits < 1 || (scale as number) < 0 || (scale as number) > digits) return undefined;
    if (kind === "fixed" && digits > Math.floor(Math.log10(2) * (8 * size - 1))) return undefined;
    return { name, precision: digits, scale: scale as number };
  }
  const base = kind === "fixed" ? `fixed:${size}` : kind;
  if (!Object.hasOwn(LOGICAL_BASES, name) || !LOGICAL_BASES[name].includes(base)) return undefined;
  return { name } as Logical;
}

function invalid(why: string, path: string, cause?: unknown): DataError {
  const where = path === "" ? "" : ` at "${path}"`;
  return new DataError(
    `Cannot use the Avro schema${where}: ${why}`,
    { reason: "invalid schema", ...(path === "" ? {} : { fieldPath: path }) },
    cause === undefined ? undefined : { cause },
  );
}
