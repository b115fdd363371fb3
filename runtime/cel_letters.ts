/**
 * Expressions in CEL over dead letters: which of them a command is about.
 *
 * | variable | holds |
 * |---|---|
 * | `value`, `message` | what the converters make of the value; where they make nothing of it: JSON, text or bytes, as it can be read |
 * | `key` | likewise |
 * | `headers` | a map of names to text, or bytes where they are none; the last one of a name |
 * | `topic`, `partition`, `offset` | where the record came from; of a letter that does not say, its own place |
 * | `timestamp` | the record's |
 * | `stage`, `reason`, `attempts`, `schema_id`, `field`, `error` | what the letter says; `error` is its message |
 *
 * @module
 */
import { celEnv, type CelInput, isCelError, parse, plan } from "@bufbuild/cel";
import { celProblemOver, celVariables } from "./cel.ts";
import { timestampOf } from "./cel_values.ts";
import type { Letter } from "./dlq/letter.ts";

/** What the converters made of a letter, as JSON; null: nothing. */
export interface DecodedLetter {
  readonly value: string | null;
  readonly key: string | null;
}

/** Whether a letter is meant; null: the expression cannot be evaluated for it, e.g. as it lacks the field. */
export type LetterCondition = (letter: Letter, decoded: DecodedLetter | undefined) => boolean | null;

const VARIABLES = [
  ...["value", "message", "key", "headers", "topic", "partition", "offset", "timestamp"],
  ...["stage", "reason", "attempts", "schema_id", "field", "error"],
];
const ENVIRONMENT = celEnv();
const TEXT = new TextDecoder("utf-8", { fatal: true });

/** What is wrong with an expression, or null. */
export const letterConditionProblem = (text: string): string | null => celProblemOver(text, VARIABLES);

/** Compiles an expression in which nothing is wrong. `decodes`: it asks for what the converters make. */
export function createLetterCondition(text: string): { readonly decodes: boolean; readonly test: LetterCondition } {
  const names = celVariables(text);
  const evaluate = plan(ENVIRONMENT, parse(text));
  const test: LetterCondition = (letter, decoded) => {
    const outcome = evaluate(variablesOf(letter, decoded, names));
    return isCelError(outcome) || typeof outcome !== "boolean" ? null : outcome;
  };
  return { decodes: ["value", "message", "key"].some((name) => names.has(name)), test };
}

/** Those that are named. */
function variablesOf(
  letter: Letter,
  decoded: DecodedLetter | undefined,
  names: ReadonlySet<string>,
): Record<string, CelInput> {
  const place = letter.origin ?? letter.at;
  const make: Readonly<Record<string, () => CelInput>> = {
    value: () => valueOf(decoded?.value ?? null, letter.value),
    message: () => valueOf(decoded?.value ?? null, letter.value),
    key: () => valueOf(decoded?.key ?? null, letter.key),
    headers: () => new Map(letter.headers.map(({ key, value }) => [key, textOrBytes(value)])),
    topic: () => place.topic,
    partition: () => BigInt(place.partition),
    offset: () => place.offset,
    timestamp: () => timestampOf(BigInt(Math.trunc(letter.timestampMs)) * 1000n),
    stage: () => letter.stage,
    reason: () => letter.reason,
    attempts: () => BigInt(letter.attempts),
    schema_id: () => letter.schemaId === null ? null : BigInt(letter.schemaId),
    field: () => letter.fieldPath,
    error: () => letter.message,
  };
  return Object.fromEntries([...names].flatMap((name) => make[name] ? [[name, make[name]()]] : []));
}

function valueOf(json: string | null, bytes: Uint8Array | null): CelInput {
  if (json !== null) return fromJson(json);
  const text = textOrBytes(bytes);
  if (typeof text !== "string" || !/^\s*[[{"]/.test(text)) return text;
  try {
    return fromJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** Whole numbers are ints, with all their digits. */
function fromJson(json: string): CelInput {
  return JSON.parse(
    json,
    function (_key, value: unknown, context?: { source?: string }) {
      if (typeof value === "number") {
        return /^-?\d{1,18}$/.test(context?.source ?? "") ? BigInt(context!.source!) : value;
      }
      if (value !== null && typeof value === "object" && !Array.isArray(value)) return new Map(Object.entries(value));
      return value;
    } as Parameters<typeof JSON.parse>[1],
  );
}

function textOrBytes(bytes: Uint8Array | null): string | Uint8Array | null {
  try {
    return bytes && TEXT.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return bytes;
    throw error;
  }
}
