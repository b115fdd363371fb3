/**
 * Rules in CEL, the Common Expression Language (cel.dev): `validate.<name>.cel`. An expression is compiled once, and
 * evaluated for each record over what it names; loaded only where there are such rules.
 *
 * | variable | holds |
 * |---|---|
 * | `value`, `message` | the row: a map of its columns |
 * | `key` | bytes, or what `key.converter` makes of them: a single value, or a map of the key's fields; null: none |
 * | `headers` | a map of names to what `header.converter` makes of the value; the last one of a name |
 * | `topic`, `partition`, `offset`, `timestamp` | a string, two ints, a timestamp |
 *
 * @module
 */
import { celEnv, type CelInput, isCelError, parse, plan } from "@bufbuild/cel";
import { DataError, type SinkBatch } from "./api/mod.ts";
import { patterns } from "./cel_patterns.ts";
import { keyValue, RowMap, timestampOf } from "./cel_values.ts";
import { didYouMean } from "./config/nearest.ts";
import type { CelRule } from "./config/validation_rules.ts";

type Expression = NonNullable<ReturnType<typeof parse>["expr"]>;

const ENVIRONMENT = celEnv({ re2: patterns });
const VARIABLES = ["value", "message", "key", "headers", "topic", "partition", "offset", "timestamp"];
/** Names that stand for types; `google` begins those of protobuf. */
const TYPES = ["bool", "bytes", "double", "dyn", "google", "int", "list", "map", "null_type", "string", "type", "uint"];

/** What is wrong with an expression before any record is seen, or null. */
export function celProblem(text: string): string | null {
  return celProblemOver(text, VARIABLES);
}

/** What is wrong with an expression whose value is wanted: it may also be a constant. */
export function celValueProblem(text: string): string | null {
  return celProblemOver(text, VARIABLES, true);
}

/** `celProblem` of an expression over other variables. */
export function celProblemOver(text: string, variables: readonly string[], constants = false): string | null {
  if (text.trim() === "") return "is empty";
  let expression: Expression | undefined;
  try {
    expression = parse(text).expr;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Where nearly anything could follow, the list of it says nothing.
    return `is no CEL expression: ${error.message.replace(/ but expecting .{60,}/s, "")}`;
  }
  if (!expression) return "is empty";
  const names = { variables: new Set<string>(), functions: new Set<string>() };
  collect(expression, new Set(), names);
  for (const name of names.variables) {
    if (variables.includes(name) || TYPES.includes(name)) continue;
    return `names "${name}", and an expression has ${variables.join(", ")}${didYouMean(name, variables)}; ` +
      "a field of the record is value.<field>";
  }
  for (const name of names.functions) {
    if (ENVIRONMENT.funcs.find(name) !== undefined || !/^[a-z]/i.test(name)) continue;
    const known = [...ENVIRONMENT.funcs].map((func) => func.name).filter((each) => /^[a-z]/i.test(each));
    return `calls "${name}", which CEL does not have${didYouMean(name, [...new Set(known)])}`;
  }
  if (names.variables.size > 0) return null;
  const outcome = plan(ENVIRONMENT, expression)({});
  if (isCelError(outcome)) return `cannot be evaluated: ${outcome.message}`;
  return constants ? null : "names nothing of the record";
}

/** The variables that an expression names, in which `celProblem` finds nothing wrong. */
export function celVariables(text: string): ReadonlySet<string> {
  const names = { variables: new Set<string>(), functions: new Set<string>() };
  collect(parse(text).expr!, new Set(), names);
  return names.variables;
}

/** Binds rules to a batch: for a row, what is wrong with it, or null. */
export type BindCelRules = (batch: SinkBatch) => (row: number) => DataError | null;

/** Compiles rules in which `celProblem` finds nothing wrong; the first one that a row does not keep is reported. */
export function createCelRules(rules: readonly CelRule[]): BindCelRules {
  const checks = rules.map(createCheck);
  return (batch) => {
    const bindings = new Bindings(batch);
    return (row) => {
      bindings.row = row;
      for (const check of checks) {
        const error = check(bindings);
        if (error) return error;
      }
      return null;
    };
  };
}

/** Compiles an expression in which `celProblem` finds nothing wrong: for a row of a batch, what it gives, or a DataError. */
export function createCelValue(expression: string): (batch: SinkBatch) => (row: number) => unknown {
  const evaluate = plan(ENVIRONMENT, parse(expression));
  return (batch) => {
    const bindings = new Bindings(batch);
    return (row) => {
      bindings.row = row;
      const outcome = evaluate(bindings as unknown as Record<string, CelInput>);
      const failed = bindings.takeFailure();
      if (failed) return failed;
      if (!isCelError(outcome)) return outcome;
      return new DataError(`Cannot evaluate ${expression}: ${outcome.message}`, {
        reason: "expression cannot be evaluated",
      });
    };
  };
}

function createCheck({ name, expression, message }: CelRule): (bindings: Bindings) => DataError | null {
  const evaluate = plan(ENVIRONMENT, parse(expression));
  const refuse = (why: string, reason = `rule ${name}`) =>
    new DataError(`Cannot accept the record: rule ${name} ${why}`, { reason });
  return (bindings) => {
    const outcome = evaluate(bindings as unknown as Record<string, CelInput>);
    const failed = bindings.takeFailure();
    if (failed) return failed;
    if (outcome === true) return null;
    if (outcome === false) return refuse(`is not kept: ${message ?? expression}`);
    const what = isCelError(outcome) ? outcome.message : "the expression gives neither true nor false";
    return refuse(`cannot be evaluated: ${what}`, `rule ${name} cannot be evaluated`);
  };
}

/** The variables of one row at a time, made when the expression asks for them. */
class Bindings {
  row = 0;
  #failure: { readonly error: unknown } | null = null;
  readonly value: unknown;
  constructor(private readonly batch: SinkBatch) {
    this.value = RowMap.ofRow(batch.data, this, (error) => this.#failure ??= { error });
  }

  get message(): unknown {
    return this.value;
  }
  get key(): unknown {
    return this.#made(() => keyValue(this.batch, this.row, (error) => this.#failure ??= { error }));
  }
  get headers(): unknown {
    return this.#made(() => {
      const { hasTextHeaders } = this.batch;
      const text = new TextDecoder();
      return new Map(
        this.batch.convertedHeaders(this.row).map((
          { key, value },
        ) => [key, value !== null && hasTextHeaders ? text.decode(value) : value]),
      );
    });
  }
  get topic(): string {
    return this.batch.topic;
  }
  get partition(): bigint {
    return BigInt(this.batch.partition);
  }
  get offset(): bigint {
    return this.batch.offset(this.row);
  }
  get timestamp(): unknown {
    return timestampOf(BigInt(this.batch.timestampMs(this.row)) * 1000n);
  }

  /**
   * The library makes an outcome of whatever is thrown. What a header converter refused is the record's fault, anything
   * else that was thrown here is a bug, and neither is the expression's.
   */
  takeFailure(): DataError | null {
    const failure = this.#failure;
    this.#failure = null;
    if (failure === null) return null;
    if (failure.error instanceof DataError) return failure.error;
    throw failure.error;
  }

  #made<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }
}

/** The free variables and the functions of an expression. */
function collect(
  { exprKind }: Expression,
  bound: ReadonlySet<string>,
  names: { readonly variables: Set<string>; readonly functions: Set<string> },
): void {
  const inner = (part: Expression | undefined, also: ReadonlySet<string> = bound) => part && collect(part, also, names);
  switch (exprKind.case) {
    case "identExpr":
      if (!bound.has(exprKind.value.name)) names.variables.add(exprKind.value.name.replace(/^\./, ""));
      return;
    case "selectExpr":
      return inner(exprKind.value.operand);
    case "callExpr":
      names.functions.add(exprKind.value.function);
      inner(exprKind.value.target);
      return exprKind.value.args.forEach((arg) => inner(arg));
    case "listExpr":
      return exprKind.value.elements.forEach((element) => inner(element));
    case "structExpr":
      return exprKind.value.entries.forEach(({ keyKind, value }) => {
        if (keyKind.case === "mapKey") inner(keyKind.value);
        inner(value);
      });
    case "comprehensionExpr": {
      const { iterVar, iterVar2, accuVar, iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      const within = new Set([...bound, iterVar, iterVar2, accuVar]);
      inner(iterRange);
      inner(accuInit);
      for (const part of [loopCondition, loopStep]) inner(part, within);
      inner(result, new Set([...bound, accuVar]));
    }
  }
}
