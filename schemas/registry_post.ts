/**
 * What is sent to the registry: questions about schemas that it does not hold, and registrations. A sink sends nothing;
 * only commands load this.
 *
 * @module
 */
import { FatalError, RetriableError } from "../mod.ts";
import type { RegistryConfig, RegistryContext } from "./registry.ts";
import { endpointsOf, failureText, fetchText } from "./registry_http.ts";

/** What the registry answered, whatever it was. */
export interface PostAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** Of a refusal; else "". */
  readonly message: string;
}

/** Sends JSON to the first URL that answers, once: repeating it is the caller's, who knows what it asked for. */
export async function post(
  config: RegistryConfig,
  context: RegistryContext,
  path: string,
  body: unknown,
): Promise<PostAnswer> {
  const timeoutMs = config["schema.registry.http.read.timeout.ms"];
  const endpoints = endpointsOf(config);
  let failure: unknown;
  for (const { base, authorization } of endpoints) {
    try {
      const type = "application/vnd.schemaregistry.v1+json";
      const headers = { accept: `${type}, application/json`, "content-type": type, ...authorization };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      const { status, text } = await fetchText(context, base + path, init, timeoutMs);
      return answerOf(status, text, base + path);
    } catch (error) {
      if (error instanceof FatalError) throw error;
      failure = error;
    }
  }
  const urls = endpoints.map(({ base }) => base).join(", ");
  throw new RetriableError(`Cannot reach the schema registry at ${urls}: ${failureText(failure)}`, { cause: failure });
}

function answerOf(status: number, text: string, url: string): PostAnswer {
  let body: Record<string, unknown> = {};
  try {
    const parsed = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) body = parsed;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (status < 400) throw new RetriableError(`Cannot use the answer of ${url}: it is no JSON: ${text.slice(0, 200)}`);
  }
  const message = status < 400 ? "" : typeof body.message === "string" ? body.message : text.slice(0, 200);
  if (status === 401 || status === 403) {
    throw new FatalError(
      `Cannot send to the schema registry at ${url}: HTTP ${status} ${message}; set schema.registry.basic.auth.user.info ` +
        "or schema.registry.bearer.auth.token to credentials that may",
    );
  }
  if (status >= 500) throw new FatalError(`Cannot send to the schema registry at ${url}: HTTP ${status} ${message}`);
  return { status, body, message };
}
