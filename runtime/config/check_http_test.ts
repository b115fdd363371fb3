import { assertEquals } from "@std/assert";
import { ConfigError } from "../api/errors.ts";
import { parseRaw } from "./parse_raw.ts";
import { rawKeys } from "./raw.ts";
import { isLoopback } from "./worker_options.ts";

const NO_PLUGINS = { connectors: [], converters: [], transforms: [] };

function problems(worker: Record<string, unknown>): string[] {
  const raw = { worker: rawKeys({ "bootstrap.servers": "b:9092", ...worker }), connectors: new Map() };
  try {
    parseRaw(raw, NO_PLUGINS);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ key, why }) => `${key}: ${why}`);
  }
}

const CASES: [what: string, worker: Record<string, unknown>, problems: RegExp[]][] = [
  ["loopback without more", { "http.listen": "127.0.0.1:1" }, []],
  ["an IPv6 loopback", { "http.listen": "[::1]:1" }, []],
  ["all addresses without auth", { "http.listen": "0.0.0.0:1" }, [/^http\.listen: reaches beyond .* set http\.auth/]],
  ["all IPv6 addresses without auth", { "http.listen": "[::]:1" }, [/^http\.listen: reaches beyond/]],
  ["a name without auth", { "http.listen": "worker:1" }, [/^http\.listen: reaches beyond/]],
  ["the risk taken", { "http.listen": "0.0.0.0:1", "http.insecure.acknowledged": true }, []],
  ["a risk that is none", { "http.insecure.acknowledged": true }, [/^http\.insecure\.acknowledged: has no effect/]],
  ["users", { "http.listen": "0.0.0.0:1", "http.auth": "basic", "http.auth.users": { alice: "secret" } }, []],
  ["no users", { "http.auth": "basic" }, [/^http\.auth: needs http\.auth\.users/]],
  ["tokens", { "http.listen": "0.0.0.0:1", "http.auth": "bearer", "http.auth.tokens": "t" }, []],
  ["no tokens", { "http.auth": "bearer" }, [/^http\.auth: needs http\.auth\.tokens/]],
  ["users without auth", { "http.auth.users.a": "b" }, [/^http\.auth\.users\.a: has no effect/]],
  ["tokens with basic", { "http.auth": "basic", "http.auth.file": "f", "http.auth.tokens": "t" }, [
    /^http\.auth\.tokens: has no effect/,
  ]],
  ["a certificate alone", { "http.tls.certificate": "c.pem" }, [/^http\.tls\.key: is missing/]],
  ["a key alone", { "http.tls.key": "k.pem" }, [/^http\.tls\.certificate: is missing/]],
  ["options of what is off", { "http.listen": "off", "http.auth": "basic" }, [/^http\.auth: has no effect/]],
];

for (const [what, worker, wanted] of CASES) {
  Deno.test(`checkHttp() judges ${what}`, () => {
    const found = problems(worker);
    assertEquals([found.length, found.every((text, i) => wanted[i].test(text))], [wanted.length, true], found.join());
  });
}

Deno.test("isLoopback() knows this machine's own addresses", () => {
  const own = ["localhost", "127.0.0.1", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1"];
  const others = ["0.0.0.0", "::", "10.0.0.1", "example.com", "127.0.0.1.example.com", "::2", "localhost.example.com"];
  assertEquals(own.filter((name) => !isLoopback(name)), []);
  assertEquals(others.filter(isLoopback), []);
});
