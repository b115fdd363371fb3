/**
 * JSON as rules see it, with all digits of its numbers, and where its schema says that its fields are.
 *
 * @module
 */
import { DataError } from "../../../mod.ts";
import { below, detailsOf } from "../../rows.ts";
import { Scanner } from "../scanner.ts";
import type { SchemaSource } from "../../registered.ts";
import {
  Exact,
  type FieldPlace,
  jsonInteger,
  LEVELS_MAX,
  membersOf,
  type MessageType,
  shown,
  Unfit,
  type Value,
  type VisitField,
} from "../../rules/values.ts";
import type { Documents, JsonSchema, JsonSchemaObject } from "./documents.ts";
import { Validator } from "./validator.ts";

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TEXT = new TextEncoder();

/** The messages of a schema. */
export class JsonMessages implements MessageType {
  readonly readsOthers = true;
  readonly #validator: Validator;

  constructor(private readonly documents: Documents, private readonly source: SchemaSource) {
    this.#validator = new Validator(documents);
  }

  read(bytes: Uint8Array, start: number, end: number, valueStart: number): Value {
    try {
      return valueOf(JSON.parse(STRICT.decode(bytes.subarray(start, end)), exactly), 0);
    } catch (error) {
      if (!isBad(error)) throw error;
      throw this.#malformed(error, bytes, start, end, valueStart);
    }
  }

  /** As the decoder has it where it refuses the bytes too: with the position. */
  #malformed(cause: Error, bytes: Uint8Array, start: number, end: number, valueStart: number): DataError {
    const source = detailsOf(this.source);
    if (cause instanceof RangeError) {
      return new DataError("Cannot decode JSON: it is nested too deeply for rules", {
        reason: "nested too deeply",
        ...source,
      });
    }
    const scan = new Scanner();
    try {
      scan.open(bytes, start, end);
      scan.skip();
      if (scan.next() >= 0) scan.fail("expected nothing behind the value");
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      const bytePosition = error.details.bytePosition! + start - valueStart;
      const message = error.message.replace(/at byte \d+/, `at byte ${bytePosition}`);
      return new DataError(message, { ...error.details, bytePosition, ...source });
    }
    return new DataError(`Cannot decode JSON: ${cause.message}`, { reason: "malformed json", ...source });
  }

  write(value: unknown): Uint8Array {
    return TEXT.encode(textOf(value, "", 0));
  }

  mapFields(value: Value, visit: VisitField): Value {
    return new Walk(this.documents, this.#validator, visit).value(this.documents.documents[0], value, null, 0);
  }

  toJson(value: Value): unknown {
    return plain(value);
  }
}

/** What bytes that are no JSON make the platform throw. */
function isBad(error: unknown): error is Error {
  return error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError;
}

/** Integers and numbers that a double does not hold keep their digits. */
function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const text = context?.source;
  if (typeof value !== "number" || text === undefined) return value;
  if (/^-?\d+$/.test(text) && text !== "-0") {
    const integer = BigInt(text);
    return BigInt.asIntN(64, integer) === integer ? integer : new Exact(text);
  }
  const digits = text.replace(/e.*$/i, "").replace(/^-?0*\.?0*|\./g, "");
  const isHeld = Number.isFinite(value) && (value !== 0 || !/[1-9]/.test(digits));
  return isHeld && (digits.length <= 15 || String(value) === text) ? value : new Exact(text);
}

function valueOf(json: unknown, depth: number): Value {
  if (depth > LEVELS_MAX) throw new RangeError("too deep");
  if (Array.isArray(json)) return json.map((each) => valueOf(each, depth + 1));
  if (typeof json !== "object" || json === null || json instanceof Exact) return json as Value;
  return new Map(Object.entries(json).map(([name, each]) => [name, valueOf(each, depth + 1)]));
}

function textOf(value: unknown, path: string, depth: number): string {
  if (depth > LEVELS_MAX) throw new Unfit(path, `has more than ${LEVELS_MAX} levels`);
  if (value instanceof Exact) return value.digits;
  if (value instanceof Uint8Array) return `"${value.toBase64()}"`;
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
  if (Array.isArray(value)) return `[${value.map((each) => textOf(each, `${path}[]`, depth + 1))}]`;
  const members = membersOf(value);
  if (members === null) throw new Unfit(path, `is ${shown(value)}, which JSON does not have`);
  return `{${
    [...members].filter(([, each]) => each !== undefined)
      .map(([name, each]) => `${JSON.stringify(name)}:${textOf(each, below(path, name), depth + 1)}`)
  }}`;
}

function plain(value: Value): unknown {
  if (typeof value === "bigint") return jsonInteger(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, each]) => [name, plain(each)]));
  return value;
}

/** As the validation has it: numbers as doubles. */
function rounded(value: Value): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Exact) return Number(value.digits);
  if (Array.isArray(value)) return value.map(rounded);
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, each]) => [name, rounded(each)]));
  return value;
}

/** The property that a value is in. */
type Within = Omit<FieldPlace, "typeName">;

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "STRING",
  integer: "INT",
  number: "DOUBLE",
  boolean: "BOOLEAN",
};

/** A walk along a value and its schema, which changes leaves. */
class Walk {
  constructor(
    private readonly documents: Documents,
    private readonly validator: Validator,
    private readonly visit: VisitField,
  ) {}

  value(schema: JsonSchema | undefined, value: Value, within: Within | null, depth: number): Value {
    if (value === null || typeof schema !== "object") return value;
    if (depth > LEVELS_MAX) throw new Unfit(within?.path ?? "", `has more than ${LEVELS_MAX} levels`);
    let out: Value = value;
    const alternatives = this.#alternatives(schema, value);
    for (const part of alternatives) out = this.value(part, out, within, depth + 1);
    if (out instanceof Map) return this.#object(schema, out, within, depth);
    if (Array.isArray(out)) return this.#array(schema, out, within, depth);
    return alternatives.length > 0 ? out : this.#leaf(schema, out, within);
  }

  /** What a value is described by besides: all of allOf and a reference, the first of oneOf and those of anyOf that hold. */
  #alternatives(schema: JsonSchemaObject, value: Value): JsonSchema[] {
    const referred = typeof schema.$ref === "string" ? this.documents.target(schema.$ref) : undefined;
    const holds = (each: JsonSchema): boolean => {
      const place = this.documents.placeOf(each);
      return place !== null && this.validator.acceptsAt(place)(rounded(value));
    };
    const parts = [...referred === undefined ? [] : [referred], ...schemasOf(schema.allOf)];
    const one = schemasOf(schema.oneOf).find(holds);
    if (one !== undefined) parts.push(one);
    return [...parts, ...schemasOf(schema.anyOf).filter(holds)];
  }

  #object(
    { properties }: JsonSchemaObject,
    object: ReadonlyMap<string, Value>,
    within: Within | null,
    depth: number,
  ): Value {
    if (typeof properties !== "object" || properties === null) return object;
    let out: Map<string, Value> | null = null;
    for (const [name, schema] of Object.entries(properties) as [string, JsonSchema][]) {
      const value = object.get(name) ?? null;
      const tags = typeof schema === "object" ? schema["confluent:tags"] : undefined;
      const changed = this.value(schema, value, {
        fullName: `${within?.fullName ?? "$"}.${name}`,
        name,
        inlineTags: Array.isArray(tags) ? tags.map(String) : [],
        message: object,
        path: below(within?.path ?? "", name),
      }, depth + 1);
      if (!Object.is(changed, value)) (out ??= new Map(object)).set(name, changed);
    }
    return out ?? object;
  }

  #array({ items }: JsonSchemaObject, array: readonly Value[], within: Within | null, depth: number): Value {
    if (typeof items !== "object" || items === null || Array.isArray(items)) return array;
    const out = array.map((each) => this.value(items as JsonSchemaObject, each, within, depth + 1));
    return out.some((each, i) => !Object.is(each, array[i])) ? out : array;
  }

  #leaf({ type, ...rest }: JsonSchemaObject, value: Value, within: Within | null): Value {
    const isEnum = rest.enum !== undefined || rest.const !== undefined;
    const names = isEnum ? [] : [type].flat().map((name) => TYPE_NAMES[String(name)]);
    const typeName = names.find((name) => name === typeNameOf(value)) ??
      (names.includes("DOUBLE") && typeof value === "bigint" ? "DOUBLE" : undefined);
    if (within === null || typeName === undefined) return value;
    // What is a number by its schema is one for the expression, however it is written.
    const isWhole = typeName === "DOUBLE" && typeof value === "bigint" && BigInt(Number(value)) === value;
    const changed = this.visit({ ...within, typeName }, isWhole ? Number(value) : value);
    return changed === undefined ? value : changed;
  }
}

function typeNameOf(value: Value): string {
  if (typeof value === "string") return "STRING";
  if (typeof value === "boolean") return "BOOLEAN";
  return typeof value === "bigint" || Number.isInteger(value) ? "INT" : "DOUBLE";
}

function schemasOf(value: unknown): JsonSchema[] {
  return Array.isArray(value) ? value as JsonSchema[] : [];
}
