/**
 * The rules of a schema's data contract as the registry holds them, and which of them a reader runs, in which order: by the
 * semantics of Confluent's deserializers.
 *
 * @module
 */
import { FatalError } from "../../mod.ts";

/** What a reader does. */
export type ReadMode = "READ" | "UPGRADE" | "DOWNGRADE";
/** What becomes of a record: it is set aside (ERROR, DLQ) or passes on. */
export type RuleAction = "ERROR" | "DLQ" | "NONE";

/** A rule as it is registered. */
export interface RegisteredRule {
  readonly name: string;
  readonly doc?: string | null;
  readonly kind?: string | null;
  readonly mode?: string | null;
  readonly type?: string | null;
  readonly tags?: readonly string[] | null;
  readonly params?: Readonly<Record<string, string>> | null;
  readonly expr?: string | null;
  readonly onSuccess?: string | null;
  readonly onFailure?: string | null;
  readonly disabled?: boolean | null;
}

/** The rules of a schema. */
export interface RuleSet {
  readonly migrationRules?: readonly RegisteredRule[] | null;
  readonly domainRules?: readonly RegisteredRule[] | null;
  readonly encodingRules?: readonly RegisteredRule[] | null;
  /** Where they run: here, where it is absent, ALL or CLIENT. */
  readonly enableAt?: string | null;
}

/** What else is registered with a schema. */
export interface SchemaMetadata {
  /** By patterns of full names of fields. */
  readonly tags?: Readonly<Record<string, readonly string[]>> | null;
  readonly properties?: Readonly<Record<string, string>> | null;
}

/** A rule that a reader runs. */
export interface Rule {
  readonly name: string;
  readonly kind: "CONDITION" | "TRANSFORM";
  readonly type: "CEL" | "CEL_FIELD" | "JSONATA";
  readonly expression: string;
  /** For a CEL_FIELD: which fields; empty: all. */
  readonly tags: ReadonlySet<string>;
  /** Whether the text before the first `;` of an expression in CEL is a guard. */
  readonly hasGuard: boolean;
  /** What is said where it fails. */
  readonly doc: string;
  readonly onSuccess: RuleAction;
  readonly onFailure: RuleAction;
  /** The topic that Confluent's clients would send dead letters to. */
  readonly dlqTopic: string | null;
}

/** What is known where rules are chosen. */
export interface RuleOwner {
  /** For messages, e.g. `schema 5 (orders-value@2)`. */
  readonly what: string;
  readonly ruleSet?: RuleSet | null;
  readonly metadata?: SchemaMetadata | null;
}

const TYPES = { READ: ["CEL", "CEL_FIELD", "JSONATA"], UPGRADE: ["JSONATA"], DOWNGRADE: ["JSONATA"] };

/**
 * The rules that a reader runs in a mode, in their order. Throws FatalError for one of a type that nobody here can run;
 * with `ignore` it is told, and left out.
 */
export function rulesOf(
  owner: RuleOwner,
  mode: ReadMode,
  ignore: ((rule: RegisteredRule, what: string) => void) | null,
): readonly Rule[] {
  const { ruleSet } = owner;
  const isEnabled = ["ALL", "CLIENT"].includes(ruleSet?.enableAt ?? "ALL");
  if (!ruleSet || !isEnabled) return [];
  const registered = mode === "READ"
    // What was encoded last is decoded first.
    ? [...(ruleSet.encodingRules ?? []).toReversed(), ...(ruleSet.domainRules ?? []).toReversed()]
    : ruleSet.migrationRules ?? [];
  const ordered = mode === "DOWNGRADE" ? registered.toReversed() : registered;
  const active = ordered.filter((rule) => rule.disabled !== true && runsIn(rule.mode, mode));
  const encoding = new Set(ruleSet.encodingRules ?? []);
  return active.flatMap((rule, i) => {
    if (encoding.has(rule) || !TYPES[mode].includes(String(rule.type))) {
      if (ignore === null) throw refusal(rule, owner);
      ignore(rule, owner.what);
      return [];
    }
    const later = mode === "UPGRADE" ? active.slice(0, i) : active.slice(i + 1);
    return later.some((other) => isSameTransform(rule, other)) ? [] : [ruleOf(rule, mode, owner)];
  });
}

function refusal({ name, type }: RegisteredRule, { what }: RuleOwner): FatalError {
  const why = /ENCRYPT/.test(String(type))
    ? "what it has encrypted cannot be read here"
    : "a reader here runs CEL, CEL_FIELD and JSONATA";
  return new FatalError(
    `Cannot run rule "${name}" of ${what}: its type is ${type}, and ${why}; disable it in the registry, set ` +
      "rules.unknown: ignore to read records without such rules, or rules.enabled: false for none at all",
  );
}

function runsIn(of: string | null | undefined, mode: ReadMode): boolean {
  return of === mode || of === (mode === "READ" ? "WRITEREAD" : "UPDOWN");
}

/** Of transforms of the same tagged fields the first one declared is run: on their values, others may stand for it. */
function isSameTransform(a: RegisteredRule, b: RegisteredRule): boolean {
  return a.type === "CEL_FIELD" && a.type === b.type && a.kind === "TRANSFORM" && a.kind === b.kind &&
    a.mode === b.mode && (a.tags ?? []).length > 0 && sorted(a.tags) === sorted(b.tags);
}

function sorted(tags: readonly string[] | null | undefined): string {
  return JSON.stringify([...new Set(tags ?? [])].sort());
}

function ruleOf(rule: RegisteredRule, mode: ReadMode, owner: RuleOwner): Rule {
  const { name, kind, type, expr, doc } = rule;
  const fail = (why: string) => new FatalError(`Cannot run rule "${name}" of ${owner.what}: ${why}`);
  if (kind !== "CONDITION" && kind !== "TRANSFORM") {
    throw fail(`its kind is ${kind}, expected CONDITION or TRANSFORM`);
  }
  if (typeof expr !== "string" || expr.trim() === "") throw fail("it has no expression");
  const parameter = (key: string) => rule.params?.[key] ?? owner.metadata?.properties?.[key] ?? null;
  const action = (given: string | null | undefined, usual: RuleAction): RuleAction => {
    // Rules of two modes may name an action for each: "NONE,ERROR".
    const parts = (given ?? "").split(",");
    const second = mode === "READ" || mode === "DOWNGRADE";
    const isPair = parts.length > 1 && (rule.mode === "WRITEREAD" || rule.mode === "UPDOWN");
    const word = (isPair ? parts[second ? 1 : 0] : given ?? "").trim().toUpperCase() || usual;
    if (word === "ERROR" || word === "DLQ" || word === "NONE") return word;
    throw fail(`its action is ${word}, expected ERROR, NONE or DLQ`);
  };
  return {
    name,
    kind,
    type: type as Rule["type"],
    expression: expr,
    tags: new Set(rule.tags ?? []),
    hasGuard: parameter("cel.ignore.guard.separator") !== "true",
    doc: doc || `the expression is ${expr.trim()}`,
    onSuccess: action(rule.onSuccess, "NONE"),
    onFailure: action(rule.onFailure, "ERROR"),
    dlqTopic: parameter("dlq.topic"),
  };
}

/** Whether a name is one of a pattern's: `?` is a character, `*` some within a part between dots, `**` any. */
export function matches(name: string, pattern: string): boolean {
  const expression = pattern.replaceAll("**.*", "**").replace(/\*\*|\*|\?|\\?[^]/g, (part) => {
    if (part === "**") return ".*";
    if (part === "*") return "[^.]*";
    if (part === "?") return "[^.]";
    return part.at(-1)!.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  });
  return new RegExp(`^${expression}$`, "s").test(name);
}

/** The tags that a schema's metadata gives a field. */
export function taggedIn({ tags }: SchemaMetadata, fullName: string): string[] {
  return Object.entries(tags ?? {}).flatMap(([pattern, of]) => matches(fullName, pattern) ? of : []);
}
