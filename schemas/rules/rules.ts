/**
 * The rules of a data contract, applied to payloads: a payload goes in, and comes out as it is, changed, or not at all.
 *
 * @module
 */
import { DataError, type DataErrorDetails, FatalError, type Log } from "../../mod.ts";
import type { SchemaSource } from "../registered.ts";
import { detailsOf } from "../rows.ts";
import type { Evaluate, Variables } from "./cel.ts";
import type { EvaluateJson } from "./jsonata.ts";
import { type Rule, type RuleAction, type RuleOwner, taggedIn } from "./rule_set.ts";
import { type FieldPlace, type MessageType, Unfit, type Value } from "./values.ts";

/** Rules over the payloads of a writer schema. */
export interface PayloadRules {
  /** The payload to be decoded instead of `bytes[start, end)`; null: that one. Positions in errors count from `valueStart`. */
  apply(bytes: Uint8Array, start: number, end: number, valueStart: number): Promise<Uint8Array | null | DataError>;
}

/** What `createPayloadRules` is made of. */
export interface RulesParts {
  /** For messages, e.g. `schema 5 (orders-value@2)`. */
  readonly owner: RuleOwner;
  readonly source: SchemaSource;
  readonly writer: MessageType;
  /** What the payload becomes: the writer's own type, or another version's. */
  readonly target: MessageType;
  /** What brings the message to the target's version, in order. */
  readonly migrations: readonly Rule[];
  /** What is asked of the message, in order. */
  readonly domain: readonly Rule[];
  readonly log: Log;
}

/** Compiles the rules; FatalError for one that cannot be, as it stands for every record. */
export async function createPayloadRules(parts: RulesParts): Promise<PayloadRules> {
  const all = [...parts.migrations, ...parts.domain];
  const cel = all.some(({ type }) => type !== "JSONATA") ? await import("./cel.ts") : null;
  const jsonata = all.some(({ type }) => type === "JSONATA") ? await import("./jsonata.ts") : null;
  const compiled = (rule: Rule): Compiled => {
    const { name, type, expression, hasGuard, dlqTopic } = rule;
    if (dlqTopic !== null && [rule.onFailure, rule.onSuccess].includes("DLQ")) {
      const why = "dead letters go to errors.deadletterqueue.topic.name, whatever a rule says";
      parts.log.warn("a rule names a dead-letter topic of its own", { rule: name, "dlq.topic": dlqTopic, why });
    }
    try {
      if (type === "JSONATA") return { rule, json: jsonata!.compileJsonata(expression), cel: null };
      return { rule, json: null, cel: { evaluate: cel!.compileCel(expression, hasGuard), of: cel!.celOf } };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new FatalError(
        `Cannot run rule "${name}" of ${parts.owner.what}: it is no expression in ${type}: ${error.message}; correct it ` +
          "in the registry, or disable it there",
        { cause: error },
      );
    }
  };
  return new Rules(parts, parts.migrations.map(compiled), parts.domain.map(compiled));
}

interface Compiled {
  readonly rule: Rule;
  readonly cel: { readonly evaluate: Evaluate; readonly of: (value: Value) => Variables[string] } | null;
  readonly json: EvaluateJson | null;
}

/** A rule that a message does not keep, or that cannot be asked. Not an Error: no stack is captured. */
class Failed {
  constructor(
    readonly why: string,
    readonly isAsked: boolean,
    readonly fieldPath: string | null = null,
  ) {}
}

/** A message on its way. `payload`: null as long as it is the record's own. */
interface Message {
  readonly value: Value;
  readonly payload: Uint8Array | null;
}

class Rules implements PayloadRules {
  readonly #tags = new Map<string, readonly string[]>();

  constructor(
    private readonly parts: RulesParts,
    private readonly migrations: readonly Compiled[],
    private readonly domain: readonly Compiled[],
  ) {}

  async apply(
    bytes: Uint8Array,
    start: number,
    end: number,
    valueStart: number,
  ): Promise<Uint8Array | null | DataError> {
    try {
      let message = await this.#opened(bytes, start, end, valueStart);
      for (const compiled of this.domain) message = await this.#asked(compiled, message);
      return message.payload;
    } catch (error) {
      if (error instanceof DataError) return error;
      throw error;
    }
  }

  /** The record's message, in the target's version. */
  async #opened(bytes: Uint8Array, start: number, end: number, valueStart: number): Promise<Message> {
    const { writer, target, owner } = this.parts;
    if (this.migrations.length === 0) {
      if (writer === target) return { value: writer.read(bytes, start, end, valueStart), payload: null };
      if (target.readsOthers) return { value: target.read(bytes, start, end, valueStart), payload: null };
    }
    const value = writer.read(bytes, start, end, valueStart);
    const unfit = (why: string, path: string) =>
      new DataError(`Cannot bring the record to ${owner.what}: ${path === "" ? "the message" : path} ${why}`, {
        reason: "does not fit the target schema",
        ...(path === "" ? {} : { fieldPath: path }),
        ...detailsOf(this.parts.source),
        stage: "TRANSFORMATION",
      });
    try {
      if (this.migrations.length === 0) return this.#written(value, "message");
      let json = writer.toJson(value);
      for (const compiled of this.migrations) json = await this.#migrated(compiled, json);
      return this.#written(json, "json");
    } catch (error) {
      if (error instanceof Unfit) throw unfit(error.why, error.path);
      throw error;
    }
  }

  #written(value: unknown, from: "message" | "json"): Message {
    const { target } = this.parts;
    const payload = target.write(value, from);
    return { value: target.read(payload, 0, payload.length, 0), payload };
  }

  async #migrated({ rule, json }: Compiled, message: unknown): Promise<unknown> {
    try {
      const outcome = await ofJson(json!, message);
      const changed = this.#outcome(rule, outcome, message);
      this.#after(rule, rule.onSuccess, null);
      return changed;
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      this.#after(rule, rule.onFailure, error);
      return message;
    }
  }

  async #asked(compiled: Compiled, message: Message): Promise<Message> {
    const { rule } = compiled;
    try {
      const changed = await this.#applied(compiled, message);
      this.#after(rule, rule.onSuccess, null);
      return changed;
    } catch (error) {
      const failed = error instanceof Unfit
        ? new Failed(`does not fit the schema: ${error.why}`, true, error.path)
        : error;
      if (!(failed instanceof Failed)) throw failed;
      this.#after(rule, rule.onFailure, failed);
      return message;
    }
  }

  async #applied({ rule, cel, json }: Compiled, message: Message): Promise<Message> {
    const { target } = this.parts;
    const { value } = message;
    if (json) {
      const input = target.toJson(value);
      const result = this.#outcome(rule, await ofJson(json, input), input);
      return result === input ? message : this.#written(result, "json");
    }
    const { evaluate, of } = cel!;
    if (rule.type === "CEL") {
      const result = this.#outcome(rule, ofCel(evaluate, { message: of(value) }), value);
      return result === value ? message : this.#written(result, "message");
    }
    // A record's fields have the record in common.
    let known: { readonly of: Value; readonly cel: Variables[string] } | null = null;
    const changed = target.mapFields(value, (place, each) => {
      const tags = this.#tagsOf(place);
      if (rule.tags.size > 0 && !tags.some((tag) => rule.tags.has(tag))) return undefined;
      const { fullName, name, typeName, message: record, path } = place;
      const variables = {
        value: of(each),
        fullName,
        name,
        typeName,
        tags: [...tags],
        get message() {
          if (known?.of !== record) known = { of: record, cel: of(record) };
          return known.cel;
        },
      };
      return this.#outcome(rule, ofCel(evaluate, variables), each, path) as Value;
    });
    return changed === value ? message : this.#written(changed, "message");
  }

  #tagsOf({ fullName, inlineTags }: FieldPlace): readonly string[] {
    let tags = this.#tags.get(fullName);
    if (!tags) {
      // Records of a schema that contains itself can have any number of names.
      if (this.#tags.size >= TAGGED_MAX) this.#tags.clear();
      const { metadata } = this.parts.owner;
      tags = [...new Set([...inlineTags, ...(metadata ? taggedIn(metadata, fullName) : [])])];
      this.#tags.set(fullName, tags);
    }
    return tags;
  }

  /** What a rule's result means: of a condition, what it was asked of; of a transform, the result. Throws `Failed`. */
  #outcome({ kind, doc }: Rule, result: unknown, of: unknown, path: string | null = null): unknown {
    if (result === SKIPPED) return of;
    if (result instanceof Failed) throw new Failed(result.why, result.isAsked, path);
    if (kind === "TRANSFORM") {
      // A field may become null, a message not.
      const isNothing = result === undefined || (result === null && path === null);
      if (isNothing) throw new Failed("gives nothing", true, path);
      return result;
    }
    if (result === false) throw new Failed(`is not kept: ${doc}`, true, path);
    if (result !== true) throw new Failed("gives neither true nor false", false, path);
    return of;
  }

  /** Throws DataError where the action sets the record aside. */
  #after({ name, kind, dlqTopic }: Rule, action: RuleAction, failed: Failed | null): void {
    if (action === "NONE") return;
    const { owner, source } = this.parts;
    const what = failed?.why ?? "holds, and its onSuccess sets the record aside";
    const letter = action === "DLQ" && dlqTopic !== null ? ` (its dlq.topic is ${dlqTopic})` : "";
    const at = failed?.fieldPath ? ` at "${failed.fieldPath}"` : "";
    const details: DataErrorDetails = {
      reason: failed && !failed.isAsked ? `rule ${name} cannot be evaluated` : `rule ${name}`,
      ...(failed?.fieldPath ? { fieldPath: failed.fieldPath } : {}),
      ...detailsOf(source),
      stage: kind === "CONDITION" ? "VALIDATION" : "TRANSFORMATION",
    };
    throw new DataError(`Cannot accept the record: rule ${name} of ${owner.what}${at} ${what}${letter}`, details);
  }
}

/** Names of fields whose tags are kept. */
const TAGGED_MAX = 10_000;

const SKIPPED = Symbol("skipped");

function ofCel(evaluate: Evaluate, variables: Variables): unknown {
  const outcome = evaluate(variables);
  if (outcome.kind === "value") return outcome.value;
  return outcome.kind === "skipped" ? SKIPPED : new Failed(`cannot be evaluated: ${messageOf(outcome.why)}`, false);
}

async function ofJson(evaluate: EvaluateJson, message: unknown): Promise<unknown> {
  try {
    return await evaluate(message);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return new Failed(`cannot be evaluated: ${messageOf(error.message)}`, false);
  }
}

/** Characters of a library's message: it may have all of a record's text in it. */
const WHY_MAX = 300;

function messageOf(why: string): string {
  return why.length > WHY_MAX ? `${why.slice(0, WHY_MAX)}...` : why;
}
