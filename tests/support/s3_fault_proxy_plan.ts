/**
 * What goes wrong, and when: pure functions from a request to a fault, so that a seed gives the same faults again.
 *
 * @module
 */
import { Seeded } from "../simulation/seeded.ts";
import type { Head } from "./s3_fault_proxy_http.ts";

/** Every fault there is. "before": the server never hears of the request; "after": it has done what it was asked. */
export const S3_FAULTS = [
  /** 503 SlowDown. */
  "slow-down-before",
  "error-before",
  /** No answer; the connection ends after a while. */
  "timeout-before",
  "drop-before",
  /** The connection ends in the middle of the request's body. */
  "drop-mid-body",
  /** The connection ends; the request arrives at the server later on. */
  "late",
  "slow-down-after",
  "error-after",
  "timeout-after",
  "drop-after",
  /** Half of the answer, which says that it is longer; then the connection ends. */
  "torn",
  /** Half of the answer in chunks, without the last one. */
  "torn-chunked",
  /** Half of the answer, and nothing says that it is not all. */
  "cut",
  /** The request waits, the answer comes in small pieces. */
  "slow",
  /** The server's port refuses connections for a while, all that are open end. */
  "away",
] as const;

/** One of them. */
export type S3Fault = typeof S3_FAULTS[number];

/** What a request asks for. */
export type S3Operation =
  | "GetObject"
  | "HeadObject"
  | "ListObjects"
  | "PutObject"
  | "PutIfAbsent"
  | "DeleteObject"
  | "CreateMultipartUpload"
  | "UploadPart"
  | "CompleteMultipartUpload"
  | "AbortMultipartUpload"
  | "ListMultipartUploads"
  | "Other";

/** A request, as plans see it. */
export interface S3Request {
  /** Counts all requests of the proxy, from 1. */
  readonly index: number;
  readonly operation: S3Operation;
  /** Counts those of its operation, from 1. */
  readonly nth: number;
  readonly method: string;
  /** Bucket and key, decoded. */
  readonly path: string;
}

/** Decides about a request. It keeps nothing: the same request has the same fate in every run. */
export type S3Plan = (request: S3Request) => S3Fault | null;

/** Nothing goes wrong. */
export const NO_FAULTS: S3Plan = () => null;

/** A part of the requests meets one of `faults`, as the seed wants it. */
export function randomPlan(
  { seed, ratio, faults = S3_FAULTS, awayRatio = 0 }: {
    seed: number;
    ratio: number;
    faults?: readonly S3Fault[];
    /** How many of the requests find the server going away: each costs all who use it some time. */
    awayRatio?: number;
  },
): S3Plan {
  const ordinary = faults.filter((fault) => fault !== "away");
  return ({ index, operation }) => {
    const random = new Seeded(mixed(seed, index, operation));
    if (random.chance(awayRatio)) return "away";
    return random.chance(ratio) ? random.pick(ordinary) : null;
  };
}

/** `times` requests in a row from this one on meet the fault. */
export function strikeAt(at: number, fault: S3Fault, times = 1): S3Plan {
  return ({ index }) => index >= at && index < at + times ? fault : null;
}

/** What a request's head asks for. */
export function operationOf(head: Head): Pick<S3Request, "operation" | "method" | "path"> {
  const [method, target] = head.startLine.split(" ");
  const url = new URL(target, "http://proxy");
  return { method, path: decodeURIComponent(url.pathname.slice(1)), operation: named(method, url, head) };
}

function named(method: string, { pathname, searchParams }: URL, { headers }: Head): S3Operation {
  const isBucket = !/^\/[^/]+\/./.test(pathname);
  if (searchParams.has("uploads")) return method === "POST" ? "CreateMultipartUpload" : "ListMultipartUploads";
  if (searchParams.has("uploadId")) {
    if (method === "PUT") return "UploadPart";
    if (method === "POST") return "CompleteMultipartUpload";
    if (method === "DELETE") return "AbortMultipartUpload";
  }
  if (isBucket) return method === "GET" ? "ListObjects" : "Other";
  if (method === "PUT") return headers.has("if-none-match") ? "PutIfAbsent" : "PutObject";
  if (method === "GET") return "GetObject";
  if (method === "HEAD") return "HeadObject";
  return method === "DELETE" ? "DeleteObject" : "Other";
}

/** FNV-1a over what decides. */
function mixed(seed: number, index: number, operation: string): number {
  let hash = 0x811c9dc5;
  for (const char of `${seed}/${index}/${operation}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
