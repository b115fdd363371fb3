/**
 * From requests to JSON and from what is thrown to Kafka Connect's errors.
 *
 * @module
 */
import { ConfigError, DataError, FatalError, type Log, RetriableError } from "../api/mod.ts";
import { RequestRefused } from "../worker_api.ts";
import { errorResponse } from "./error_response.ts";
import type { Route } from "./server.ts";

/** The longest body that is read. */
export const BODY_BYTES_MAX = 1024 * 1024;

/** A request that cannot be read. */
export class BadRequest extends Error {
  override name = "BadRequest";
  constructor(readonly status: 400 | 403 | 404 | 413 | 415, message: string) {
    super(message);
  }
}

/** Routes whose errors are answered in Connect's shape; a bug is logged and not shown. */
export function answering(routes: readonly Route[], log: Log): Route[] {
  return routes.map((route) => ({
    ...route,
    handle: async (request, parameters) => {
      try {
        return await route.handle(request, parameters);
      } catch (error) {
        const answer = errorAnswer(error);
        if (answer) return answer;
        log.error("A request failed", {
          request: `${request.method} ${route.path}`,
          error: error instanceof Error ? error.stack : String(error),
        });
        return errorResponse(500, "Internal error; see the worker's log");
      }
    },
  }));
}

function errorAnswer(error: unknown): Response | null {
  if (error instanceof BadRequest || error instanceof RequestRefused) return errorResponse(error.status, error.message);
  if (error instanceof ConfigError) return errorResponse(400, configMessage(error));
  const isVerdict = [FatalError, RetriableError, DataError].some((verdict) => error instanceof verdict);
  return isVerdict ? errorResponse(500, (error as Error).message) : null;
}

/** As Connect words it. */
function configMessage({ problems }: ConfigError): string {
  const lines = problems.map(({ key, value, why }) =>
    value === undefined ? `${key}: ${why}` : `${key} = ${value}: ${why}`
  );
  return `Connector configuration is invalid and contains the following ${problems.length} error(s):\n` +
    `${lines.join("\n")}\nYou can also find the above list of errors at the endpoint ` +
    "`/connector-plugins/{connectorType}/config/validate`";
}

/** The body, of any JSON type; null: there is none. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request);
  if (text === "") return null;
  const type = (request.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
  if (type !== "application/json" && !/^application\/[\w.-]+\+json$/.test(type)) {
    throw new BadRequest(415, `The body is ${type || "of no type"}; send content-type: application/json`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new BadRequest(400, "The body is not valid JSON"); // its text may hold secrets: nothing of it is quoted
  }
}

async function readText(request: Request): Promise<string> {
  const tooLong = () => new BadRequest(413, `The body is longer than ${BODY_BYTES_MAX} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MAX) throw tooLong();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for await (const part of request.body ?? []) {
      size += part.length;
      if (size > BODY_BYTES_MAX) throw tooLong();
      parts.push(part);
    }
  } catch (error) {
    // The connection's trouble is the client's, which is gone: nobody hears of it.
    throw error instanceof BadRequest ? error : new BadRequest(400, "The body ended early");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await new Blob(parts).arrayBuffer());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new BadRequest(400, "The body is not UTF-8");
  }
}

/** An object with no members but these. */
export function objectOf(value: unknown, what: string, members: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadRequest(400, `${what} must be an object with ${members.join(", ")}`);
  }
  const unknown = Object.keys(value).find((name) => !members.includes(name));
  if (unknown !== undefined) {
    throw new BadRequest(400, `${what} has a member "${unknown}"; there are ${members.join(", ")}`);
  }
  return value as Record<string, unknown>;
}

/** A map of texts; numbers and booleans become their text, as with Connect. `nulls`: null stands for "take it out". */
export function configOf(value: unknown, nulls: true): Record<string, string | null>;
export function configOf(value: unknown, nulls?: false): Record<string, string>;
export function configOf(value: unknown, nulls = false): Record<string, string | null> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadRequest(400, "The configuration must be an object of texts");
  }
  // fromEntries defines members, whatever their name.
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]: [string, unknown]) => {
      if (entry === null && nulls) return [key, null];
      if (typeof entry === "number" && Math.abs(entry) > Number.MAX_SAFE_INTEGER) {
        throw new BadRequest(400, `The configuration's "${key}" is a number that JSON rounds; give it as text`);
      }
      if (!["string", "number", "boolean"].includes(typeof entry)) {
        const instead = entry === null ? "; leave it out instead of null" : "; dotted keys stand for nested ones";
        throw new BadRequest(400, `The configuration's "${key}" must be a text${instead}`);
      }
      return [key, String(entry)];
    }),
  );
}

/** What was given, for a message: short, and whatever it is. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

/** Problems with a connector's configuration by its own keys: names may hold dots, so only who has the name can tell. */
export async function ofConnector<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const path = `connectors.${name}`;
    const own = (key: string) => key === path ? "name" : key.startsWith(`${path}.`) ? key.slice(path.length + 1) : key;
    throw new ConfigError(error.problems.map((problem) => ({ ...problem, key: own(problem.key) })));
  }
}

/** A parameter of the URL that is true or false. */
export function flag(request: Request, name: string, fallback: boolean): boolean {
  const text = new URL(request.url).searchParams.get(name)?.toLowerCase() ?? String(fallback);
  if (text === "true" || text === "false") return text === "true";
  throw new BadRequest(400, `${name} must be true or false, current value is "${text}"`);
}
