/**
 * What the options of `http.listen` need of each other, and where they have no effect.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import type { RawKeys } from "./raw.ts";
import { isLoopback, parseListen, type WorkerValues } from "./worker_options.ts";

/** Adds what is wrong to the problems. */
export function checkHttp(values: WorkerValues, keys: RawKeys, problems: ConfigProblem[]): void {
  const refuse = (key: string, why: string, value?: string) => problems.push({ key, value, why });
  const { "http.listen": listen, "http.auth": auth, "http.auth.file": file } = values;
  const address = parseListen(listen);
  if (listen === "off") {
    const given = [...keys.keys()].filter((key) => key.startsWith("http.") && key !== "http.listen");
    for (const key of given) refuse(key, "has no effect with http.listen = off");
    return;
  }
  if (auth === "basic" && Object.keys(values["http.auth.users"]).length === 0 && file === null) {
    refuse("http.auth", "needs http.auth.users or http.auth.file", auth);
  }
  if (auth === "bearer" && values["http.auth.tokens"] === null && file === null) {
    refuse("http.auth", "needs http.auth.tokens or http.auth.file", auth);
  }
  const without = (key: string, wanted: string) => refuse(key, `has no effect with http.auth = ${auth}; set ${wanted}`);
  for (const key of keys.keys()) {
    if (key.startsWith("http.auth.users.") && auth !== "basic") without(key, "basic");
    if (key === "http.auth.tokens" && auth !== "bearer") without(key, "bearer");
    if (/^http\.auth\.(file|open\.paths)$/.test(key) && auth === "none") without(key, "basic or bearer");
  }
  const wrong = values["http.auth.open.paths"].find((path) => !path.startsWith("/"));
  if (wrong !== undefined) refuse("http.auth.open.paths", "must be paths such as /health", wrong);
  const { "http.tls.certificate": certificate, "http.tls.key": key } = values;
  if ((certificate === null) !== (key === null)) {
    refuse(certificate === null ? "http.tls.certificate" : "http.tls.key", "is missing: TLS needs both files");
  }
  const isOpen = address !== null && !isLoopback(address.hostname);
  if (isOpen && auth === "none" && !values["http.insecure.acknowledged"]) {
    refuse(
      "http.listen",
      "reaches beyond this machine without http.auth, so that whoever reaches it commands the worker; set http.auth = " +
        "basic or bearer, listen on 127.0.0.1, or set http.insecure.acknowledged = true",
      listen,
    );
  }
  if (values["http.insecure.acknowledged"] && (!isOpen || auth !== "none")) {
    const because = isOpen ? `http.auth is ${auth}` : "http.listen is on this machine only";
    refuse("http.insecure.acknowledged", `has no effect: ${because}`, "true");
  }
}
