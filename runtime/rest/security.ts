/**
 * Who is let in over HTTP: from the worker's options to what the server asks of each request.
 *
 * @module
 */
import { ConfigError } from "../api/errors.ts";
import type { WorkerValues } from "../config/worker_options.ts";
import type { HttpSecurity } from "./server.ts";

/** Reads the files that the options name; throws ConfigError where one cannot be used. */
export async function httpSecurity(
  values: WorkerValues,
  readTextFile: (path: string) => Promise<string> = Deno.readTextFile,
): Promise<HttpSecurity> {
  const read = async (key: "http.tls.certificate" | "http.tls.key" | "http.auth.file") => {
    const path = values[key];
    if (path === null) return null;
    try {
      return await readTextFile(path);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof TypeError) throw error;
      throw new ConfigError([{ key, value: path, why: `cannot be read (${error.name})` }]);
    }
  };
  const [cert, key, file] = [
    await read("http.tls.certificate"),
    await read("http.tls.key"),
    await read("http.auth.file"),
  ];
  const lines = (file ?? "").split(/\r?\n/).map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  return {
    tls: cert !== null && key !== null ? { cert, key } : null,
    authenticate: await authentication(values, lines),
    hosts: values["http.hosts"].map((host) => host.toLowerCase()),
  };
}

async function authentication(values: WorkerValues, lines: readonly string[]): Promise<HttpSecurity["authenticate"]> {
  const auth = values["http.auth"];
  if (auth === "none") return null;
  const { basicAuth, bearerAuth, usersOf } = await import("./auth.ts"); // most workers have none
  const ask = auth === "basic"
    ? await basicAuth(usersOf(values["http.auth.users"], lines))
    : await bearerAuth([...(values["http.auth.tokens"]?.reveal() ?? "").split(","), ...lines]);
  const open = new Set(values["http.auth.open.paths"]);
  return async (request) => {
    const path = new URL(request.url).pathname.replace(/(?<=.)\/$/, "");
    const isOpen = open.has(path) && ["GET", "HEAD"].includes(request.method);
    return isOpen ? null : await ask(request);
  };
}
