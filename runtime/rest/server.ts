/**
 * The HTTP server: /metrics, /health/live, /health/ready; a table of routes that Kafka Connect's REST API will join.
 *
 * @module
 */
import { ConfigError, type Log } from "../api/mod.ts";
import { parseListen } from "../config/worker_options.ts";

/** Whether the worker does its work, and if not, why. */
export interface Health {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** Topics that are not read although the rest is. */
  readonly degraded?: readonly string[];
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
}

/** One method and path; `:name` in the path matches one part. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly handle: (request: Request, parameters: Readonly<Record<string, string>>) => Response | Promise<Response>;
}

/** The running server. */
export interface HttpServer {
  readonly port: number;
  /** Ends it; what is being answered is answered. */
  stop(): Promise<void>;
}

/** Starts it; null where it is switched off. Throws ConfigError where the address cannot be had. */
export function startHttpServer(options: HttpOptions): HttpServer | null {
  const { listen, log } = options;
  if (listen === "off") return null;
  const address = parseListen(listen);
  if (!address) throw new ConfigError([{ key: "http.listen", value: listen, why: 'must be host:port or "off"' }]);
  const routes = [...ownRoutes(options), ...options.routes ?? []];
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      ...address,
      onListen: ({ hostname, port }) =>
        log.info("Serving metrics and health", { address: `http://${hostname}:${port}` }),
      onError: (error) => {
        log.error("A request failed", { error: String(error) });
        return errorResponse(500, "Internal error; see the worker's log");
      },
    }, (request) => answer(request, routes));
  } catch (error) {
    if (!isAddressTrouble(error)) throw error;
    const why = `cannot be listened on (${error.name}); name another address, or "off"`;
    throw new ConfigError([{ key: "http.listen", value: listen, why }]);
  }
  return { port: server.addr.port, stop: () => server.shutdown() };
}

/** An error as Kafka Connect's REST API gives it. */
export function errorResponse(status: number, message: string): Response {
  return Response.json({ error_code: status, message }, { status });
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
    get("/health/ready", readyResponse),
    get("/health", readyResponse),
  ];

  function readyResponse(): Response {
    const { ready, reasons, degraded = [] } = health();
    const status = !ready ? "not ready" : degraded.length > 0 ? "degraded" : "ready";
    // Degraded is an alert and no reason to be replaced: the other topics are served.
    return Response.json({ status, reasons: [...reasons, ...degraded] }, { status: ready ? 200 : 503 });
  }
}

async function answer(request: Request, routes: readonly Route[]): Promise<Response> {
  const { pathname } = new URL(request.url);
  const method = request.method === "HEAD" ? "GET" : request.method;
  const allowed: string[] = [];
  for (const route of routes) {
    const parameters = matchPath(route.path, pathname);
    if (!parameters) continue;
    if (route.method === method) return await route.handle(request, parameters);
    allowed.push(route.method);
  }
  if (allowed.length === 0) return errorResponse(404, `There is nothing at ${pathname}`);
  const response = errorResponse(405, `${pathname} takes ${allowed.join(", ")}, not ${request.method}`);
  response.headers.set("allow", allowed.join(", "));
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
