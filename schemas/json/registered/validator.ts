/**
 * Validation: the door of `ajv`, which compiles a schema to a function.
 *
 * Numbers are compared as doubles, as everywhere in JavaScript: a `maximum` beyond 2^53 is as exact as a double is.
 *
 * @module
 */
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { DataError } from "../../../mod.ts";
import { documentKey, type Documents, type Draft } from "./documents.ts";

/** What a value does not hold to. */
export interface Violation {
  readonly message: string;
  /** The field's path, as messages write it. */
  readonly path: string;
}

/** A compiled schema. */
export class Validator {
  readonly #ajv: Ajv;
  readonly #validate: ValidateFunction;

  /** DataError "invalid schema" where the library cannot compile it. */
  constructor({ draft, documents }: Documents) {
    this.#ajv = new DIALECTS[draft](OPTIONS) as Ajv;
    try {
      formats.default(this.#ajv);
      documents.forEach((document, i) =>
        this.#ajv.addSchema(typeof document === "boolean" ? { allOf: [document] } : document, documentKey(i))
      );
      this.#validate = this.#compile(`${documentKey(0)}#`);
    } catch (error) {
      throw new DataError(`Cannot use the JSON Schema: ${(error as Error).message}`, { reason: "invalid schema" }, {
        cause: error,
      });
    }
  }

  /** What is wrong with a parsed value, or null. */
  check(value: unknown): Violation | null {
    if (this.#validate(value)) return null;
    // The last error is the outermost one: that of oneOf stands behind those of its branches.
    return violation(this.#validate.errors!.at(-1)!, value);
  }

  /** Whether a parsed value is valid by the schema at a place. */
  acceptsAt(place: string): (value: unknown) => boolean {
    const validate = this.#compile(place);
    return (value) => validate(value);
  }

  #compile(place: string): ValidateFunction {
    return this.#ajv.compile({ $ref: place });
  }
}

const DIALECTS: Readonly<Record<Draft, new (options: Options) => unknown>> = {
  "draft-07": Ajv,
  "2019-09": Ajv2019,
  "2020-12": Ajv2020,
};

const OPTIONS: Options = {
  // Keywords and formats that the library does not know say nothing, as the specification has it.
  strict: false,
  logger: false,
  // Or `constructor` would be a member of every object.
  ownProperties: true,
  code: { regExp: Object.assign(regularExpression, { code: "regularExpression" }) },
};

/** Patterns of other dialects that the `u` flag refuses are read without it. */
function regularExpression(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags);
  } catch {
    return new RegExp(pattern);
  }
}

function violation({ instancePath, keyword, message, params }: ErrorObject, root: unknown): Violation {
  let value = root;
  let exact = "", path = "";
  for (const part of instancePath.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(value)) {
      exact += `[${name}]`;
      path += "[]";
    } else {
      exact = below(exact, name);
      path = below(path, name);
    }
    value = (value as Record<string, unknown>)[name];
  }
  // These are about a member of the value.
  const member = params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty ??
    params.propertyName;
  const where = exact === "" ? "the value" : exact;
  return {
    message: `${where} ${message ?? "is not valid"}${detail(params)} (${keyword}), found ${excerpt(value)}`,
    path: member === undefined ? path : below(path, String(member)),
  };
}

/** What the message leaves out. */
function detail(params: Record<string, unknown>): string {
  const { additionalProperty, unevaluatedProperty, allowedValues, allowedValue } = params;
  const named = additionalProperty ?? unevaluatedProperty;
  if (named !== undefined) return `: ${JSON.stringify(named)}`;
  if (allowedValues !== undefined) return `: ${excerpt(allowedValues)}`;
  return allowedValue === undefined ? "" : `: ${excerpt(allowedValue)}`;
}

const EXCERPT_MAX = 60;

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= EXCERPT_MAX ? text : `${text.slice(0, EXCERPT_MAX)}...`;
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
