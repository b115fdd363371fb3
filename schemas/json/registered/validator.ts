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
import { below } from "../../rows.ts";
import { documentKey, type Documents, type Draft } from "./documents.ts";

/** What a value does not hold to. */
export interface Violation {
  readonly message: string;
  /** The field's path, as messages write it. */
  readonly path: string;
}

/** The schema itself, among its documents. */
const ROOT = `${documentKey(0)}#`;

/** A compiled schema. */
export class Validator {
  #ajv: Ajv;
  #isFlat = false;
  readonly #compiled = new Map<string, ValidateFunction>();

  /** DataError "invalid schema" where the library cannot compile it. */
  constructor(private readonly documents: Documents) {
    try {
      this.#ajv = createAjv(documents, OPTIONS);
      this.#errors(ROOT, null);
    } catch (error) {
      throw new DataError(`Cannot use the JSON Schema: ${(error as Error).message}`, { reason: "invalid schema" }, {
        cause: error,
      });
    }
  }

  /** What is wrong with a parsed value, or null; DataError where the value is nested too deeply to be told. */
  check(value: unknown): Violation | null {
    const errors = this.#errors(ROOT, value);
    // The last error is the outermost one: that of oneOf stands behind those of its branches.
    return errors && violation(errors.at(-1)!, value);
  }

  /** Whether a parsed value is valid by the schema at a place. */
  acceptsAt(place: string): (value: unknown) => boolean {
    return (value) => this.#errors(place, value) === null;
  }

  /**
   * Without `allErrors` the library's code nests a level a property, which exhausts the stack where they are in the
   * thousands, at the latest when a function is called first. Then, and only then, it is made anew with it.
   */
  #errors(place: string, value: unknown): ErrorObject[] | null {
    try {
      const validate = this.#at(place);
      return validate(value) ? null : validate.errors!;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      if (this.#isFlat) {
        throw new DataError("Cannot validate JSON: the value is nested too deeply for its schema", {
          reason: "nested too deeply",
        }, { cause: error });
      }
      this.#isFlat = true;
      this.#compiled.clear();
      this.#ajv = createAjv(this.documents, { ...OPTIONS, allErrors: true });
      return this.#errors(place, value);
    }
  }

  #at(place: string): ValidateFunction {
    let validate = this.#compiled.get(place);
    if (!validate) this.#compiled.set(place, validate = this.#ajv.compile({ $ref: place }));
    return validate;
  }
}

function createAjv({ draft, documents }: Documents, options: Options): Ajv {
  const ajv = new DIALECTS[draft](options) as Ajv;
  formats.default(ajv);
  documents.forEach((document, i) =>
    ajv.addSchema(typeof document === "boolean" ? { allOf: [document] } : document, documentKey(i))
  );
  return ajv;
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
