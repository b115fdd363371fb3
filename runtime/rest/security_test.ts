import { assert, assertEquals, assertRejects } from "@std/assert";
import { collectingLog } from "../../tests/support/log.ts";
import { makeCertificates } from "../../tests/support/kafka_security_certificates.ts";
import { ConfigError } from "../api/mod.ts";
import { parseKeys } from "../config/parse_config.ts";
import { rawKeys } from "../config/raw.ts";
import { WORKER_OPTIONS } from "../config/worker_options.ts";
import { refuseForeign } from "./origin.ts";
import { httpSecurity } from "./security.ts";
import { startHttpServer } from "./server.ts";

function securityOf(options: Record<string, unknown>, files: Record<string, string> = {}) {
  const values = parseKeys(WORKER_OPTIONS, rawKeys({ "bootstrap.servers": "b:1", ...options }), "", []);
  const read = (path: string) =>
    path in files ? Promise.resolve(files[path]) : Promise.reject(new Deno.errors.NotFound(path));
  return httpSecurity(values, read);
}

const basic = (user: string, password: string) => {
  return `Basic ${new TextEncoder().encode(`${user}:${password}`).toBase64()}`;
};

async function ask(options: Record<string, unknown>, path: string, authorization?: string, method = "GET") {
  const { authenticate } = await securityOf(options, { users: "# ours\nbob:b:ob\n", tokens: "t3\n" });
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const response = await authenticate!(new Request(`http://127.0.0.1${path}`, { headers, method }));
  return response === null ? 200 : response.status;
}

/** "secret", as `{PBKDF2}` holds it. */
const HASHED = await (async () => {
  const salt = new TextEncoder().encode("some salt");
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode("secret"), "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 1000 };
  const hash = new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
  return `{PBKDF2}1000$${salt.toBase64()}$${hash.toBase64()}`;
})();

const USERS = {
  "http.auth": "basic",
  "http.auth.users": { alice: "secret", carol: HASHED },
  "http.auth.file": "users",
};
const TOKENS = { "http.auth": "bearer", "http.auth.tokens": "t1, t2", "http.auth.file": "tokens" };

const CASES: [options: Record<string, unknown>, path: string, authorization: string | undefined, status: number][] = [
  [USERS, "/connectors", undefined, 401],
  [USERS, "/connectors", basic("alice", "secret"), 200],
  [USERS, "/connectors", basic("alice", "secre"), 401],
  [USERS, "/connectors", basic("alice", ""), 401],
  [USERS, "/connectors", basic("bob", "b:ob"), 200],
  [USERS, "/connectors", basic("carol", "secret"), 200],
  [USERS, "/connectors", basic("carol", "Secret"), 401],
  [USERS, "/connectors", basic("carol", HASHED), 401],
  [USERS, "/connectors", basic("dave", "secret"), 401],
  [USERS, "/connectors", basic("__proto__", ""), 401],
  [USERS, "/connectors", "Basic %%%", 401],
  [USERS, "/connectors", "Bearer t1", 401],
  [USERS, "/health/ready", undefined, 200],
  [USERS, "/health/", undefined, 200],
  [USERS, "/health/other", undefined, 401],
  [USERS, "/metrics", undefined, 401],
  [{ ...USERS, "http.auth.open.paths": "/metrics" }, "/metrics", undefined, 200],
  [{ ...USERS, "http.auth.open.paths": "/metrics" }, "/health", undefined, 401],
  [TOKENS, "/connectors", "Bearer t1", 200],
  [TOKENS, "/connectors", "bearer t2", 200],
  [TOKENS, "/connectors", "Bearer t3", 200],
  [TOKENS, "/connectors", "Bearer t4", 401],
  [TOKENS, "/connectors", "Bearer t1,", 401],
  [TOKENS, "/connectors", undefined, 401],
];

Deno.test("httpSecurity() lets in who can say who they are", async () => {
  for (const [options, path, authorization, status] of CASES) {
    assertEquals(await ask(options, path, authorization), status, `${path} by ${authorization}`);
  }
  assertEquals(await ask(USERS, "/health", undefined, "POST"), 401);
});

Deno.test("httpSecurity() says how to log in, and knows a password that was right", async () => {
  const { authenticate } = await securityOf(USERS, { users: "" });
  const request = (password: string) =>
    new Request("http://127.0.0.1/", { headers: { authorization: basic("carol", password) } });
  const refused = (await authenticate!(request("wrong")))!;
  assertEquals(refused.headers.get("www-authenticate"), 'Basic realm="sluice", charset="UTF-8"');
  assertEquals(await refused.json(), { error_code: 401, message: "User or password is wrong" });
  assertEquals([await authenticate!(request("secret")), await authenticate!(request("secret"))], [null, null]);
  const bearer = await securityOf(TOKENS, { tokens: "" });
  const token = new Request("http://127.0.0.1/", { headers: { authorization: "Bearer no" } });
  const challenge = (await bearer.authenticate!(token))!.headers.get("www-authenticate");
  assertEquals(challenge, 'Bearer realm="sluice", error="invalid_token"');
});

Deno.test("httpSecurity() refuses more hashes at once than the machine can bear", async () => {
  const { authenticate } = await securityOf(USERS, { users: "" });
  const attempts = Array.from(
    { length: 40 },
    (_, i) => authenticate!(new Request("http://h/", { headers: { authorization: basic("carol", `guess ${i}`) } })),
  );
  const statuses = (await Promise.all(attempts)).map((response) => response!.status);
  const refused = statuses.filter((status) => status === 429).length;
  assert(refused >= 10 && refused <= 24, `${refused} of 40 were refused`);
});

Deno.test("httpSecurity() refuses files that it cannot use", async () => {
  for (
    const [options, files, why] of [
      [{ ...USERS, "http.auth.file": "gone" }, {}, "http.auth.file = gone: cannot be read (NotFound)"],
      [USERS, { users: "alice" }, "http.auth.file: entry 1 is not user:password"],
      [{ "http.auth": "basic", "http.auth.file": "users" }, { users: "#" }, "finds no user"],
      [{ "http.auth": "bearer", "http.auth.file": "tokens" }, { tokens: "\n" }, "finds no token"],
      [{ "http.auth": "basic", "http.auth.users.a": "{PBKDF2}x" }, {}, "must be {PBKDF2}iterations$salt$hash"],
      [{ "http.tls.certificate": "c", "http.tls.key": "k" }, {}, "http.tls.certificate = c: cannot be read"],
    ] as const
  ) await assertRejects(() => securityOf(options, files), ConfigError, why);
});

const FOREIGN: [headers: Record<string, string>, method: string, hosts: string[], isLocal: boolean, status: number][] =
  [
    [{ host: "127.0.0.1:8083" }, "GET", [], true, 200],
    [{ host: "localhost:8083" }, "POST", [], true, 200],
    [{ host: "[::1]:8083" }, "POST", [], true, 200],
    [{ host: "evil.example:8083" }, "GET", [], true, 403],
    [{ host: "127.0.0.1.evil.example" }, "GET", [], true, 403],
    [{ host: "sluice.example" }, "GET", ["sluice.example"], true, 200],
    [{ host: "sluice.example:1" }, "GET", ["sluice.example"], true, 200],
    [{ host: "sluice.example:1" }, "GET", ["sluice.example:2"], true, 403],
    [{ host: "any.example" }, "GET", [], false, 200],
    [{ host: "127.0.0.1:8083", origin: "http://127.0.0.1:8083" }, "PUT", [], true, 200],
    [{ host: "127.0.0.1:8083", origin: "http://127.0.0.1:9000" }, "PUT", [], true, 403],
    [{ host: "127.0.0.1:8083", origin: "https://evil.example" }, "DELETE", [], true, 403],
    [{ host: "127.0.0.1:8083", origin: "null" }, "POST", [], true, 403],
    [{ host: "any.example", origin: "https://evil.example" }, "PATCH", [], false, 403],
    [{ host: "any.example", origin: "https://evil.example" }, "GET", [], false, 200],
    [{ host: "127.0.0.1:8083", origin: "https://sluice.example" }, "PUT", ["sluice.example"], true, 200],
    [{ host: "127.0.0.1:8083", "sec-fetch-site": "cross-site" }, "POST", [], true, 403],
  ];

Deno.test("refuseForeign() refuses pages of other origins, and names that are not ours", () => {
  for (const [headers, method, hosts, isLocal, status] of FOREIGN) {
    const request = new Request("http://x/", { method, headers });
    assertEquals(refuseForeign(request, isLocal, hosts)?.status ?? 200, status, JSON.stringify([headers, method]));
  }
});

Deno.test("startHttpServer() serves HTTPS with a certificate of ours, and asks who it is", async () => {
  const dir = await Deno.makeTempDir();
  const { ca } = await makeCertificates(dir);
  const options = { "http.tls.certificate": `${dir}/server.pem`, "http.tls.key": `${dir}/server.key` };
  const values = parseKeys(WORKER_OPTIONS, rawKeys({ "bootstrap.servers": "b:1", ...USERS, ...options }), "", []);
  const start = async (read = Deno.readTextFile) =>
    startHttpServer({
      listen: "127.0.0.1:0",
      metrics: { text: () => Promise.resolve(""), contentType: "text/plain" },
      health: () => ({ ready: true, reasons: [] }),
      log: collectingLog(),
      security: await httpSecurity(values, (path) => path === "users" ? Promise.resolve("") : read(path)),
    })!;
  const server = await start();
  const client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(ca)] });
  try {
    const get = async (headers: Record<string, string>) => {
      const response = await fetch(`https://localhost:${server.port}/metrics`, { client, headers });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals([await get({}), await get({ authorization: basic("alice", "secret") })], [401, 200]);
    await assertRejects(() => start(() => Promise.resolve("no PEM")), ConfigError, "http.tls.certificate: cannot be");
  } finally {
    client.close();
    await server.stop();
    await Deno.remove(dir, { recursive: true });
  }
});
