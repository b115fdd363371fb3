/**
 * What browsers are refused: a page of another origin may change nothing (cross-site request forgery), and on this machine's
 * own addresses only this machine's own names are answered, so that a name which somebody points at 127.0.0.1 opens
 * nothing (DNS rebinding).
 *
 * @module
 */
import { isLoopback } from "../config/worker_options.ts";
import { errorResponse } from "./error_response.ts";

const READING = ["GET", "HEAD", "OPTIONS"];

/**
 * The refusal, or null. `isLocal`: we listen on this machine alone. `hosts`: further names that we are called by, with a
 * port or for any.
 */
export function refuseForeign(request: Request, isLocal: boolean, hosts: readonly string[]): Response | null {
  const host = request.headers.get("host") ?? new URL(request.url).host; // HTTP/2 has it in its :authority
  const isOurs = (name: string) => hosts.includes(name) || hosts.includes(hostname(name));
  if (isLocal && host !== "" && !isLocalName(hostname(host)) && !isOurs(host)) {
    return errorResponse(403, `This worker is not called ${hostname(host)}; name it in http.hosts if it is`);
  }
  if (READING.includes(request.method)) return null;
  const origin = request.headers.get("origin");
  if (origin !== null) {
    const from = URL.canParse(origin) ? new URL(origin).host : origin;
    if (from !== host && !isOurs(from)) {
      return errorResponse(403, `A page of ${origin} may change nothing here; name its host in http.hosts if it may`);
    }
  } else if (request.headers.get("sec-fetch-site") === "cross-site") {
    return errorResponse(403, "A page of another site may change nothing here");
  }
  return null;
}

/** Addresses cannot be pointed anywhere else. */
function isLocalName(name: string): boolean {
  return isLoopback(name) || /^\d+\.\d+\.\d+\.\d+$/.test(name) || name.includes(":");
}

/** Without the port, and without an IPv6 address's brackets. */
function hostname(host: string): string {
  return host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "").toLowerCase();
}
