/**
 * The registry's HTTP: failover over several URLs, time-outs, back-off, authentication, and what an answer means.
 *
 * @module
 */
import { ConfigError, FatalError, RetriableError } from "../mod.ts";
import type { RegistryConfig, RegistryContext } from "./registry.ts";

/** An answer; a 404 with one of the registry's own codes (404xx) is an expected one. */
export type Lookup =
  | { readonly kind: "found"; readonly body: unknown }
  | { readonly kind: "unknown"; readonly message: string };

/** How a question is put. */
export interface Asking {
  /** Begin with another URL than the last one that answered. */
  readonly elsewhere?: boolean;
  /** Not every registry has this path, or lets us ask: whatever else it answers is `unknown`. */
  readonly optional?: boolean;
  /** Older registries lack this path: where it is no more than that, the answer is `unknown`. */
  readonly isNew?: boolean;
}

/** Gets from the first URL that answers. */
export interface RegistryHttp {
  get(what: string, path: string, asking?: Asking): Promise<Lookup>;
  /** Waits before attempt `attempt + 1`, full jitter. */
  backOff(attempt: number): Promise<void>;
}

/** One request; rejects where the whole answer is not there in time. */
export async function fetchText(
  { fetch, clock }: Pick<RegistryContext, "fetch" | "clock">,
  url: string,
  init: RequestInit,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly text: string }> {
  const abort = new AbortController();
  const answered = new AbortController();
  // The sleep is rejected when the answer is there first: that is its end, not a failure.
  clock.sleep(timeoutMs, answered.signal).then(
    () => abort.abort(new Error(`no answer within ${timeoutMs} ms`)),
    () => {},
  );
  try {
    const response = await fetch(url, { ...init, signal: abort.signal });
    return { status: response.status, text: await response.text() };
  } finally {
    answered.abort();
  }
}

/** Makes it of the registry's options. */
export function createHttp(config: RegistryConfig, context: RegistryContext): RegistryHttp {
  const endpoints = endpointsOf(config);
  const { clock, random, log } = context;
  const timeoutMs = config["schema.registry.http.read.timeout.ms"];
  const retriesMax = config["schema.registry.max.retries"];
  let current = 0;

  const backOff = (attempt: number): Promise<void> => {
    const capMs = config["schema.registry.retries.max.wait.ms"];
    const waitMs = Math.min(capMs, config["schema.registry.retries.wait.ms"] * 2 ** Math.min(attempt - 1, 30));
    return clock.sleep(Math.floor(random() * waitMs));
  };

  const request = ({ base, authorization }: Endpoint, path: string) =>
    fetchText(context, base + path, {
      headers: { accept: "application/vnd.schemaregistry.v1+json, application/json", ...authorization },
    }, timeoutMs);

  const get = async (what: string, path: string, { elsewhere, optional, isNew }: Asking = {}): Promise<Lookup> => {
    if (elsewhere) current = (current + 1) % endpoints.length;
    let failure: unknown;
    for (let attempt = 0; attempt <= retriesMax; attempt++) {
      if (attempt > 0) await backOff(attempt);
      for (let tried = 0; tried < endpoints.length; tried++) {
        const endpoint = endpoints[current];
        try {
          const { status, text } = await request(endpoint, path);
          const isRefused = status !== 200 && !isPassing(status);
          // A wrong URL lacks this one, too, which is fatal.
          if (isRefused && isNew && status === 404) await get("the types of schemas", "/schemas/types");
          const answer = isRefused && (optional || (isNew && status === 404))
            ? { kind: "unknown" as const, message: `HTTP ${status}` }
            : meaningOf(what, endpoint.base, status, text);
          if (answer) return answer;
          failure = new Error(`HTTP ${status}: ${text.slice(0, 200)}`);
        } catch (error) {
          if (error instanceof FatalError) throw error;
          failure = error;
        }
        log.warn("the schema registry does not answer", { url: endpoint.base, attempt, error: failureText(failure) });
        current = (current + 1) % endpoints.length;
      }
    }
    const urls = endpoints.map((endpoint) => endpoint.base).join(", ");
    throw new RetriableError(
      `Cannot read ${what} from the schema registry at ${urls}: ${failureText(failure)} (tried ${
        retriesMax + 1
      } times)`,
      { cause: failure },
    );
  };
  return { get, backOff };
}

/** What a failure says, and what is behind it: fetch's own message hides whether it is the name, the port or TLS. */
export function failureText(failure: unknown): string {
  const texts: string[] = [];
  for (let at = failure; at instanceof Error && texts.length < CAUSES_MAX; at = at.cause) {
    texts.push(at.message.replace(/^error sending request for url \([^)]*\): /, ""));
  }
  return texts.length === 0 ? String(failure) : texts.join(": ");
}

const CAUSES_MAX = 4;

/** What an answer says; null where another attempt may be answered. Throws FatalError where none will. */
function meaningOf(what: string, url: string, status: number, text: string): Lookup | null {
  const body = jsonOf(text);
  if (status === 200) return body === null ? null : { kind: "found", body };
  if (isPassing(status)) return null;
  const { error_code: code, message: said } = body as { error_code?: unknown; message?: unknown } ?? {};
  const message = typeof said === "string" ? said : text.slice(0, 200);
  if (status === 404 && typeof code === "number" && code >= 40400 && code <= 40499) {
    return { kind: "unknown", message: `${code}: ${message}` };
  }
  const fix = status === 401 || status === 403
    ? "set schema.registry.basic.auth.user.info or schema.registry.bearer.auth.token to credentials that may read schemas"
    : status === 404
    ? "no schema registry answers at this path; check schema.registry.url (Apicurio's ends in /apis/ccompat/v7)"
    : "check schema.registry.url and what stands between";
  throw new FatalError(`Cannot read ${what} from the schema registry at ${url}: HTTP ${status} ${message}; ${fix}`);
}

/** Whether another attempt may be answered. */
function isPassing(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** An object or a list, or null. */
function jsonOf(text: string): object | null {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** A base URL without credentials or a trailing slash, and the header that goes with it. */
export interface Endpoint {
  readonly base: string;
  readonly authorization: Readonly<Record<string, string>>;
}

/** Of every URL, in the order of the configuration. */
export function endpointsOf(config: RegistryConfig): Endpoint[] {
  const source = config["schema.registry.basic.auth.credentials.source"];
  const userInfo = config["schema.registry.basic.auth.user.info"];
  const token = config["schema.registry.bearer.auth.token"];
  if (userInfo && token) {
    const why = "excludes schema.registry.basic.auth.user.info: set one of the two";
    throw new ConfigError([{ key: "schema.registry.bearer.auth.token", value: "[hidden]", why }]);
  }
  if (source === "USER_INFO" && !userInfo) {
    const why = "missing: schema.registry.basic.auth.credentials.source is USER_INFO";
    throw new ConfigError([{ key: "schema.registry.basic.auth.user.info", why }]);
  }
  return config["schema.registry.url"].map((text): Endpoint => {
    const url = new URL(text);
    const inUrl = url.username === ""
      ? null
      : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    const basic = source === "URL" ? inUrl : userInfo?.reveal() ?? (source === "AUTO" ? inUrl : null);
    const base = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
    if (token) return { base, authorization: { authorization: `Bearer ${token.reveal()}` } };
    return { base, authorization: basic === null ? {} : { authorization: `Basic ${base64(basic)}` } };
  });
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
