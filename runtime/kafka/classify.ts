/**
 * The errors of both clients, sorted at the door: try again, or stop. The original is the `cause`.
 *
 * @module
 */
import { ConfigError, FatalError, RetriableError } from "../api/errors.ts";
import { adviceFor, type CodedError } from "./advice.ts";

/** What both clients put on their errors. */
interface ClientError extends CodedError {
  /** @platformatic/kafka: whether the broker's error passes. */
  readonly canRetry?: boolean;
  readonly serverErrorMessage?: string | null;
  readonly errors?: readonly Error[];
  /** kafkajs. */
  readonly retriable?: boolean;
  readonly type?: string;
}

const STOPS = new Set(["PLT_KFK_AUTHENTICATION", "PLT_KFK_USER", "PLT_KFK_UNSUPPORTED_API", "PLT_KFK_UNSUPPORTED"]);
/** Errors that the client's list calls final, though another join or another producer id begins anew. */
const BEGINS_ANEW = new Set([
  ...["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION", "REBALANCE_IN_PROGRESS", "MEMBER_ID_REQUIRED"],
  ...["OUT_OF_ORDER_SEQUENCE_NUMBER", "UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_EPOCH", "INVALID_PRODUCER_ID_MAPPING"],
]);
/** A broker that goes away in the middle of a handshake: the client takes that for a refusal. */
const HUNG_UP = new Set(["ECONNRESET", "PLT_KFK_TIMEOUT"]);
const KAFKAJS_STOPS = new Set(["KafkaJSSASLAuthenticationError", "KafkaJSNonRetriableError", "KafkaJSNotImplemented"]);

/** `what` says what was attempted, e.g. `Cannot list topics`. An error of neither client is a bug and comes back as it is. */
export function classify(error: unknown, what: string): Error {
  if (error instanceof RetriableError || error instanceof FatalError || error instanceof ConfigError) return error;
  if (!(error instanceof Error)) return new FatalError(`${what}: ${error}`, { cause: error });
  const all = flatten(error);
  const ofClient = all.some((e) => typeof e.code === "string" && e.code.startsWith("PLT_KFK_"));
  const ofKafkajs = all.some((e) => e.name.startsWith("KafkaJS"));
  if (!ofClient && !ofKafkajs) return error;
  // A token endpoint's verdict comes through the client.
  const ours = all.find((e) => e instanceof RetriableError || e instanceof FatalError);
  if (ours) return new (ours.constructor as typeof FatalError)(`${what}: ${ours.message}`, { cause: error });
  const advice = adviceFor(all);
  if (advice) return new FatalError(`${what}: ${describe(all)}; ${advice}`, { cause: error });
  const message = `${what}: ${describe(all)}`;
  if (hungUp(all)) return new RetriableError(message, { cause: error });
  const stops = all.some((e) => STOPS.has(String(e.code)) || KAFKAJS_STOPS.has(e.name)) ||
    all.some((e) => e.apiId !== undefined && e.canRetry === false && !BEGINS_ANEW.has(e.apiId)) ||
    (ofKafkajs && !all.some((e) => e.retriable === true || e.name === "KafkaJSConnectionError"));
  return stops ? new FatalError(message, { cause: error }) : new RetriableError(message, { cause: error });
}

/** The broker's error names in an error of @platformatic/kafka, e.g. `MESSAGE_TOO_LARGE`. */
export function brokerErrors(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return flatten(error).flatMap((e) => e.apiId ?? (e.name === "KafkaJSProtocolError" ? e.type : undefined) ?? []);
}

function flatten(error: Error): ClientError[] {
  const out: ClientError[] = [];
  const visit = (e: unknown): void => {
    if (!(e instanceof Error) || out.includes(e) || out.length > 50) return;
    out.push(e);
    for (const inner of (e as ClientError).errors ?? []) visit(inner);
    visit(e.cause);
  };
  visit(error);
  return out;
}

function hungUp(all: readonly ClientError[]): boolean {
  const last = all[all.length - 1];
  return HUNG_UP.has(String(last.code)) || (last.code === "PLT_KFK_NETWORK" && last.message === "Connection closed");
}

/** The most telling message: the broker's own, else the innermost. */
function describe(all: readonly ClientError[]): string {
  const broker = all.find((e) => e.apiId !== undefined);
  if (broker) return `${broker.apiId} (${broker.serverErrorMessage ?? broker.message})`;
  const inner = all[all.length - 1];
  return inner === all[0] ? inner.message : `${all[0].message} ${inner.message}`;
}
