/**
 * Declarations of options: one source for parsing, linting, REST validation and the docs. Reading raw configuration is
 * `parseConfig`'s (runtime/config) alone; everybody else is handed parsed values.
 *
 * @module
 */

/** Kafka Connect's types of options, plus sizes and durations, which are written with a unit or as a bare number. */
export type OptionType =
  | "string"
  | "secret"
  | "boolean"
  | "int"
  | "long"
  | "double"
  | "list"
  | "bytes"
  | "duration"
  | "map";

/** HIGH: decide before the first start. LOW: leave it unless you know why. */
export type Importance = "high" | "medium" | "low";

/** What one option is: its type, doc, default and bounds. */
export interface Option<T> {
  /** How its text is read. */
  readonly type: OptionType;
  /** What it does, in a sentence: messages and tables of options show it. */
  readonly doc: string;
  /** Absent: the option is required. */
  readonly default?: T;
  /** Who has to think about it. */
  readonly importance: Importance;
  /** Where tables of options show it. */
  readonly group?: string;
  /** Numbers, bytes and durations: the least and the most, inclusive. */
  readonly min?: number;
  /** The most, inclusive. */
  readonly max?: number;
  /** The only values that are accepted (for a list: of each entry). */
  readonly oneOf?: readonly string[];
  /** A further check of a parsed value: returns what is wrong, or null. (A method, so that any option is a `ConfigDef`'s.) */
  check?(value: T): string | null;
  /** False: the option may not stand below `per.topic`. */
  readonly perTopic: boolean;
  /** Carries the type; never set. */
  readonly value?: T;
}

/** Options by key, e.g. `{ "file.bytes.max": option.bytes({...}) }`. */
export type ConfigDef = Readonly<Record<string, Option<never> | Option<unknown>>>;

/** The parsed values of a declaration. Secrets are `Secret`s. */
export type Values<Def extends ConfigDef> = { readonly [K in keyof Def]: Def[K] extends Option<infer T> ? T : never };

/** The parsed configuration of an instance. */
export interface Config<Def extends ConfigDef> {
  /** What holds for the instance. */
  readonly values: Values<Def>;
  /** The values for one topic: those below `per.topic.<topic>` over the instance's. */
  forTopic(topic: string): Values<Def>;
  /**
   * What transforms make of a topic's name (RegexRouter): what a target is named by. Options and offsets go by the topic's
   * own name. Absent: names stay.
   */
  routedTopic?(topic: string): string;
}

/** A value that is never printed: every ordinary way of showing it gives `[hidden]`. */
export class Secret {
  readonly #value: string;
  /** Wraps it. */
  constructor(value: string) {
    this.#value = value;
  }
  /** The secret itself; call it only where it is sent. */
  reveal(): string {
    return this.#value;
  }
  /** `[hidden]`. */
  toString(): string {
    return "[hidden]";
  }
  /** `[hidden]`. */
  toJSON(): string {
    return "[hidden]";
  }
  /** `[hidden]`. */
  [Symbol.for("Deno.customInspect")](): string {
    return "[hidden]";
  }
  /** `[hidden]`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[hidden]";
  }
}

interface Declaration<T> {
  readonly doc: string;
  readonly default?: T;
  readonly importance?: Importance;
  readonly group?: string;
  readonly check?: (value: T) => string | null;
  readonly perTopic?: boolean;
}
interface Bounded {
  readonly min?: number;
  readonly max?: number;
}

function declare<T>(
  type: OptionType,
  declaration: Declaration<T> & Bounded & { oneOf?: readonly string[] },
): Option<T> {
  return { importance: "medium", perTopic: true, ...declaration, type };
}

/** Makes declarations: `"file.bytes.max": option.bytes({ doc: "...", default: 128 * MiB, min: MiB })`. */
export const option = {
  string: (d: Declaration<string>): Option<string> => declare("string", d),
  /** A string or nothing. */
  optionalString: (d: Omit<Declaration<string | null>, "default">): Option<string | null> =>
    declare<string | null>("string", { ...d, default: null }),
  /** One of a few words. */
  oneOf: <const T extends string>(values: readonly T[], d: Declaration<NoInfer<T>>): Option<T> =>
    declare<T>("string", { ...d, oneOf: values }),
  /** A password or token, or nothing. */
  secret: (d: Omit<Declaration<Secret | null>, "default">): Option<Secret | null> =>
    declare<Secret | null>("secret", { ...d, default: null }),
  boolean: (d: Declaration<boolean>): Option<boolean> => declare("boolean", d),
  int: (d: Declaration<number> & Bounded): Option<number> => declare("int", d),
  long: (d: Declaration<bigint> & Bounded): Option<bigint> => declare("long", d),
  double: (d: Declaration<number> & Bounded): Option<number> => declare("double", d),
  /** A YAML list, or text separated by commas. */
  list: (d: Declaration<readonly string[]> & { oneOf?: readonly string[] }): Option<readonly string[]> =>
    declare<readonly string[]>("list", d),
  /** A size: `128MiB`, `64KiB`, or bytes as a bare number. */
  bytes: (d: Declaration<number> & Bounded): Option<number> => declare("bytes", d),
  /** A duration: `30s`, `5m`, `1h`, or milliseconds as a bare number. */
  durationMs: (d: Declaration<number> & Bounded): Option<number> => declare("duration", d),
  /** All keys below this one, as text by the rest of the key: `consumer.override` -> `{ "fetch.max.bytes": "1" }`. */
  map: (d: Omit<Declaration<Readonly<Record<string, string>>>, "default">): Option<Readonly<Record<string, string>>> =>
    declare<Readonly<Record<string, string>>>("map", { ...d, default: {} }),
} as const;

/** 1,024 bytes. */
export const KiB = 1024;
/** 1,048,576 bytes. */
export const MiB = 1024 * KiB;
