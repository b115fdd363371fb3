/**
 * The three verdicts on a failure (try again, set this record aside, stop), and the refusal of a configuration.
 * Anything else that is thrown is a bug: it stops the task and is neither retried nor dead-lettered.
 *
 * @module
 */

/** The world may be different in a moment: `retry.ts` tries again until a deadline, then the failure is fatal. */
export class RetriableError extends Error {
  /** The verdict. */
  override name = "RetriableError";
}

/** What is known about a record that cannot be used. Every field is optional but `reason`. */
export interface DataErrorDetails {
  /** A short stable phrase without values ("unknown schema id"): what triage groups by. */
  readonly reason: string;
  /** The path of the field at fault, e.g. `order.lines[].price`. */
  readonly fieldPath?: string;
  /** The byte in the value (or key) at which decoding failed. */
  readonly bytePosition?: number;
  /** The registry's id of the writer schema. */
  readonly schemaId?: number;
  /** The registry's subject of the writer schema, where known. */
  readonly subject?: string;
  /**
   * The stage to name instead of the one that reports it: headers are converted where somebody asks for them, and a
   * converter runs the rules of a schema's data contract.
   */
  readonly stage?: "HEADER_CONVERTER" | "VALIDATION" | "TRANSFORMATION";
}

/** This record cannot be used: it becomes a dead letter with its original bytes, the stage and the reason. */
export class DataError extends Error {
  /** The verdict. */
  override name = "DataError";
  /** `details` are what triage and headers show. */
  constructor(message: string, readonly details: DataErrorDetails, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The task cannot go on. The worker restarts it with back-off, up to a limit. */
export class FatalError extends Error {
  /** The verdict. */
  override name = "FatalError";
}

/**
 * These topics cannot go on, each for its own reason; what was done for others holds. Thrown where one call serves many
 * topics (`SinkTask.preCommit`); where it serves one, a FatalError says as much.
 */
export class TopicsError extends FatalError {
  /** The verdict. */
  override name = "TopicsError";
  /** Why, by topic: at least one. */
  constructor(readonly failures: ReadonlyMap<string, Error>) {
    super([...failures].map(([topic, { message }]) => `topic ${topic}: ${message}`).join("; "), {
      cause: [...failures.values()][0],
    });
  }
}

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The full path of the key, e.g. `connectors.orders.commit.interval.ms`. */
  readonly key: string;
  /** The value as given, already masked where it is a secret; undefined where it is missing. */
  readonly value?: string;
  /** Why it is refused and what would be accepted. */
  readonly why: string;
}

/** A configuration that is refused, with every problem at once. */
export class ConfigError extends Error {
  /** The verdict. */
  override name = "ConfigError";
  /** All that is wrong. */
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(problemText).join("\n"));
  }
}

/**
 * A plugin may have come with a copy of this module of its own (bundled, or from a registry): a verdict is one by its mark, of
 * whatever copy its class is. What an author derives from these classes is told apart as ever.
 */
for (const verdict of [RetriableError, DataError, FatalError, TopicsError, ConfigError]) {
  const mark = Symbol.for(`@sluice/sluice/${verdict.name}`);
  Object.defineProperty(verdict.prototype, mark, { value: true });
  const isOfClass = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(verdict, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      return this === verdict
        ? typeof value === "object" && value !== null && mark in value
        : isOfClass.call(this as typeof verdict, value);
    },
  });
}

function problemText({ key, value, why }: ConfigProblem): string {
  return value === undefined ? `${key}: ${why}` : `${key} = ${value}: ${why}`;
}
