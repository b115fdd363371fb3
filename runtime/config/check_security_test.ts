import { assertEquals } from "@std/assert";
import type { ConfigProblem } from "../api/errors.ts";
import { checkSecurity } from "./check_security.ts";
import { parseKeys } from "./parse_config.ts";
import { rawKeys } from "./raw.ts";
import { WORKER_OPTIONS } from "./worker_options.ts";

function problemsOf(keys: Readonly<Record<string, string>>): string[] {
  const problems: ConfigProblem[] = [];
  const raw = rawKeys({ "bootstrap.servers": "a:1", ...keys }, "test");
  checkSecurity(parseKeys(WORKER_OPTIONS, raw, "", problems), raw, problems);
  return problems.map(({ key, why }) => `${key} ${why}`);
}

const SASL = { "security.protocol": "SASL_SSL" };
const ID = "sasl.oauthbearer.client.credentials.client.id";
const SECRET = "sasl.oauthbearer.client.credentials.client.secret";
const ENDPOINT = { "sasl.oauthbearer.token.endpoint.url": "https://idp/token" };

Deno.test("checkSecurity() says what each mechanism needs", () => {
  assertEquals(problemsOf(SASL), ["security.protocol needs sasl.username and sasl.password, or sasl.jaas.config"]);
  assertEquals(problemsOf({ ...SASL, "sasl.mechanism": "OAUTHBEARER" }), [
    "sasl.mechanism needs sasl.oauthbearer.token.endpoint.url",
    `sasl.mechanism needs ${ID} and ${SECRET}, or sasl.jaas.config`,
  ]);
  const token = { ...SASL, "sasl.mechanism": "OAUTHBEARER", ...ENDPOINT };
  const jaas = { "sasl.jaas.config": "X required clientId=c clientSecret=s;" };
  assertEquals(problemsOf({ ...token, [ID]: "c", [SECRET]: "s" }), []);
  assertEquals(problemsOf({ ...token, ...jaas }), []);
  assertEquals(problemsOf({ ...token, ...jaas, [ID]: "c" }), [`sasl.jaas.config excludes ${ID}: keep one of the two`]);
  assertEquals(problemsOf({ ...SASL, "sasl.mechanism": "AWS_MSK_IAM" }), []);
});

Deno.test("checkSecurity() names options that have no effect together", () => {
  assertEquals(problemsOf({ "sasl.username": "u", "ssl.truststore.location": "/ca" }), [
    "sasl.username has no effect with security.protocol = PLAINTEXT; set SASL_SSL or SASL_PLAINTEXT",
    "ssl.truststore.location has no effect with security.protocol = PLAINTEXT; set SSL or SASL_SSL",
  ]);
  const login = { ...SASL, "sasl.username": "u", "sasl.password": "p" };
  assertEquals(problemsOf({ ...login, ...ENDPOINT }), [
    "sasl.oauthbearer.token.endpoint.url has no effect with sasl.mechanism = PLAIN; set OAUTHBEARER",
  ]);
  assertEquals(problemsOf({ ...SASL, "sasl.mechanism": "AWS_MSK_IAM", "sasl.username": "u" }), [
    "sasl.username has no effect with sasl.mechanism = AWS_MSK_IAM; set PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
  ]);
  const plainToken = { "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", ...ENDPOINT };
  const authority = { "ssl.truststore.location": "/ca of the endpoint" };
  assertEquals(problemsOf({ ...plainToken, ...authority, [ID]: "c", [SECRET]: "s" }), []);
});
