/**
 * Rules in CEL over a message, one at a time; loaded only where a schema has such rules.
 *
 * @module
 */
import { celEnv, type CelInput, isCelError, isCelList, isCelMap, isCelUint, parse, plan } from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { RE2JS } from "@bufbuild/re2";
import { Branch, Exact, Moment, type Value } from "./values.ts";

/** Regular expressions may come from records: these are as many as are kept. */
const PATTERNS_MAX = 100;
const patterns = new Map<string, RE2JS>();

/** CEL's own engine, which would compile an expression for each text: thirty times what it takes to try it. */
const re2 = {
  compile(text: string): RE2JS {
    let pattern = patterns.get(text);
    if (pattern === undefined) {
      if (patterns.size >= PATTERNS_MAX) patterns.delete(patterns.keys().next().value!);
      patterns.set(text, pattern = RE2JS.compile(text));
    }
    return pattern;
  },
};

const ENVIRONMENT = celEnv({ funcs: strings, re2 });

/** What an expression gives for some variables. */
export type Outcome =
  | { readonly kind: "value"; readonly value: unknown }
  /** The guard is not true: the rule is not asked. */
  | { readonly kind: "skipped" }
  | { readonly kind: "error"; readonly why: string };

/** Variables by name, as `celOf` makes them. */
export type Variables = Readonly<Record<string, CelInput>>;

/** A compiled expression. */
export type Evaluate = (variables: Variables) => Outcome;

/** Compiles `guard ; expression`, or an expression alone. Throws Error for what is none. */
export function compileCel(text: string, hasGuard: boolean): Evaluate {
  const cut = hasGuard ? text.indexOf(";") : -1;
  const guardText = cut < 0 ? "" : text.slice(0, cut);
  const guard = guardText.trim() === "" ? null : plan(ENVIRONMENT, parse(guardText));
  const body = plan(ENVIRONMENT, parse(text.slice(cut + 1)));
  return (variables) => {
    if (guard) {
      const outcome = guard(variables);
      // As with Confluent's reference implementation: a guard that cannot be evaluated guards nothing in.
      if (outcome === false || isCelError(outcome)) return { kind: "skipped" };
    }
    const outcome = body(variables);
    if (isCelError(outcome)) return { kind: "error", why: outcome.message };
    return { kind: "value", value: fromCel(outcome) };
  };
}

/** A message's value as CEL takes it. */
export function celOf(value: Value): CelInput {
  if (value instanceof Branch) return celOf(value.value);
  if (value instanceof Exact) {
    const integer = /^-?\d+$/.test(value.digits) ? BigInt(value.digits) : null;
    return integer !== null && BigInt.asIntN(64, integer) === integer ? integer : Number(value.digits);
  }
  if (Array.isArray(value)) return value.map(celOf);
  if (value instanceof Moment) {
    // What the library knows a message of protobuf by.
    const message = { $typeName: value.type, seconds: value.get("seconds")!, nanos: Number(value.get("nanos")) };
    return message as unknown as CelInput;
  }
  if (value instanceof Map) return new Map([...value].map(([name, each]) => [name, celOf(each)]));
  return value as CelInput;
}

/** Lists, maps and unsigned integers of CEL as a message has them. */
function fromCel(value: unknown): unknown {
  if (isCelUint(value)) return value.value;
  if (isCelList(value)) return [...value].map(fromCel);
  if (isCelMap(value)) return new Map([...value.entries()].map(([key, each]) => [String(key), fromCel(each)]));
  return momentOf(value) ?? value;
}

function momentOf(value: unknown): Moment | null {
  if (typeof value !== "object" || value === null || !("$typeName" in value)) return null;
  const { $typeName, seconds, nanos } = value as unknown as {
    $typeName: Moment["type"];
    seconds: bigint;
    nanos: number;
  };
  return typeof seconds === "bigint" && typeof nanos === "number"
    ? new Moment($typeName, seconds, BigInt(nanos))
    : null;
}
