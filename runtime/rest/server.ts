/**
 * The HTTP server: /metrics and /health of its own, and a table of routes for Kafka Connect's REST API, loaded with the
 * first request for one of them.
 *
 * @module
 */
import { type Clock, ConfigError, type Log } from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { isLoopback, parseListen } from "../config/worker_options.ts";
import { endWithin } from "../within.ts";
import { errorResponse } from "./error_response.ts";
import { refuseForeign } from "./origin.ts";

/** Whether the worker does its work, and if not, why. */
export interface Health {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** Topics that are not read although the rest is. */
  readonly degraded?: readonly string[];
}

/** Who is let in, and by which certificate we are known. */
export interface HttpSecurity {
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** The answer to who is not let in; null: nobody has to say who they are. */
  readonly authenticate: ((request: Request) => Promise<Response | null>) | null;
  /** Names that browsers may call us by, beside this machine's own. */
  readonly hosts: readonly string[];
}

/** What is served. */
export interface HttpOptions {
  /** `host:port`, or "off"; port 0 takes a free one. */
  readonly listen: string;
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
  readonly health: () => Health;
  readonly log: Log;
  /** Further routes. */
  readonly routes?: readonly Route[];
  /** Further routes yet: asked for with the first request that no other route answers. */
  readonly later?: () => Promise<readonly Route[]>;
  /** None: no TLS, everybody is let in. */
  readonly security?: HttpSecurity;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** At the end of the process: a client that has not sent its request, or taken its answer, by then is left alone. */
const END_MS_MAX = 2_000;

/** One method and path; `:name` in the path matches one part. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly handle: (request: Request, parameters: Readonly<Record<string, string>>) => Response | Promise<Response>;
}

/** The running server. */
export interface HttpServer {
  readonly port: number;
  /** Ends it; what is being answered is answered, unless its client keeps us waiting. */
  stop(): Promise<void>;
}

/** Starts it; null where it is switched off. Throws ConfigError where the address or the certificate cannot be used. */
export function startHttpServer(options: HttpOptions): HttpServer | null {
  const { listen, log, security, clock = systemClock } = options;
  if (listen === "off") return null;
  const address = parseListen(listen);
  if (!address) throw new ConfigError([{ key: "http.listen", value: listen, why: 'must be host:port or "off"' }]);
  const answer = answering(options, isLoopback(address.hostname));
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      ...address,
      ...security?.tls,
      onListen: ({ hostname, port }) => {
        const scheme = security?.tls ? "https" : "http";
        log.info("Serving metrics, health and the REST API", { address: `${scheme}://${hostname}:${port}` });
      },
      onError: (error) => {
        log.error("A request failed", { error: String(error) });
        return errorResponse(500, "Internal error; see the worker's log");
      },
    }, answer);
  } catch (error) {
    if (isAddressTrouble(error)) {
      const why = `cannot be listened on (${error.name}); name another address, or "off"`;
      throw new ConfigError([{ key: "http.listen", value: listen, why }]);
    }
    if (!security?.tls || !(error instanceof Error)) throw error;
    const why = `cannot be used with http.tls.key (${error.message}); both must be PEM, the key unencrypted`;
    throw new ConfigError([{ key: "http.tls.certificate", why }]);
  }
  return {
    port: server.addr.port,
    stop: () => endWithin({ clock, log }, END_MS_MAX, "HTTP server", server.shutdown()),
  };
}

function isAddressTrouble(error: unknown): error is Error {
  const kinds = [Deno.errors.AddrInUse, Deno.errors.AddrNotAvailable, Deno.errors.PermissionDenied];
  return kinds.some((kind) => error instanceof kind) ||
    (error instanceof Error && /lookup address/.test(error.message));
}

function ownRoutes({ metrics, health }: HttpOptions): Route[] {
  const get = (path: string, handle: Route["handle"]): Route => ({ method: "GET", path, handle });
  return [
    get("/metrics", async () => {
      return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
    }),
    // To answer at all is to live.
    get("/health/live", () => Response.json({ status: "live" })),
    get("/health/ready", () => healthResponse(({ state, reasons }) => ({ status: state, reasons }))),
    // Connect's shape, with more in it.
    get("/health", () =>
      healthResponse(({ ready, state, reasons }) => ({
        status: ready ? "healthy" : "unhealthy",
        message: reasons.join("; ") || "Worker has completed startup and is ready to handle requests.",
        state,
        reasons,
      }))),
  ];

  function healthResponse(body: (of: { ready: boolean; state: string; reasons: string[] }) => object): Response {
    const { ready, reasons, degraded = [] } = health();
    const state = !ready ? "not ready" : degraded.length > 0 ? "degraded" : "ready";
    // Degraded is an alert and no reason to be replaced: the other topics are served.
    return Response.json(body({ ready, state, reasons: [...reasons, ...degraded] }), { status: ready ? 200 : 503 });
  }
}

function answering(options: HttpOptions, isLocal: boolean): (request: Request) => Promise<Response> {
  const { security, later = () => Promise.resolve([]) } = options;
  const own = [...ownRoutes(options), ...options.routes ?? []];
  let others: Promise<readonly Route[]> | null = null;
  return async (request) => {
    const refusal = refuseForeign(request, isLocal, security?.hosts ?? []) ??
      (security?.authenticate ? await security.authenticate(request) : null);
    if (refusal) return refusal;
    const found = await answer(request, own);
    if (found) return found;
    others ??= later();
    others.catch(() => others = null); // the next request tries again
    return await answer(request, await others) ??
      errorResponse(404, `There is nothing at ${new URL(request.url).pathname}`);
  };
}

/** Null: none of the routes has this path. */
async function answer(request: Request, routes: readonly Route[]): Promise<Response | null> {
  const { pathname } = new URL(request.url);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const methods: string[] = [];
  for (const route of routes) {
    const parameters = matchPath(route.path, pathname);
    if (!parameters) continue;
    if (route.method === method) return await route.handle(request, parameters);
    methods.push(...route.method === "GET" ? ["GET", "HEAD"] : [route.method]);
  }
  if (methods.length === 0) return null;
  const allow = [...new Set(methods), "OPTIONS"].join(", ");
  const response = method === "OPTIONS"
    ? new Response(null, { status: 200 })
    : errorResponse(405, `${pathname} takes ${allow}, not ${request.method}`);
  response.headers.set("allow", allow);
  return response;
}

/** The parameters of a path that matches, else null. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const [wanted, given] = [pattern.split("/"), path.replace(/(?<=.)\/$/, "").split("/")];
  if (wanted.length !== given.length) return null;
  const parameters: Record<string, string> = {};
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i].startsWith(":")) {
      const text = decoded(given[i]);
      if (text === null || text === "") return null;
      parameters[wanted[i].slice(1)] = text;
    } else if (wanted[i] !== given[i]) return null;
  }
  return parameters;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
