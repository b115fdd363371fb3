/**
 * `health`: asks a worker for `/health/ready`, where there is no other program to ask with.
 *
 * @module
 */
import { ConfigError } from "../api/mod.ts";

const TIMEOUT_MS = 5_000;

/** Prints what the worker says of itself; returns the exit code: 0 where it is ready. */
export async function health({ url }: { readonly url: string }): Promise<number> {
  if (!URL.canParse(url)) {
    throw new ConfigError([{ key: "--url", value: url, why: "must be as http://127.0.0.1:8083" }]);
  }
  let response: Response;
  try {
    response = await fetch(new URL("/health/ready", url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    console.error(`Cannot reach ${url}: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
  console.log(await response.text());
  return response.ok ? 0 : 1;
}
