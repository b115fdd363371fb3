/**
 * What the worker's security options need of each other, and where they have no effect.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import { maskedValue, optionOf } from "./parse_config.ts";
import type { RawKeys } from "./raw.ts";
import { WORKER_OPTIONS, type WorkerValues } from "./worker_options.ts";

const OAUTH = "sasl.oauthbearer.";
const ENDPOINT = `${OAUTH}token.endpoint.url` as const;
const ID = `${OAUTH}client.credentials.client.id` as const;
const SECRET = `${OAUTH}client.credentials.client.secret` as const;

/** Adds what is wrong to the problems. */
export function checkSecurity(values: WorkerValues, keys: RawKeys, problems: ConfigProblem[]): void {
  const protocol = values["security.protocol"];
  if (protocol.startsWith("SASL")) checkLogin(values, problems);
  if (values["sasl.jaas.config"] !== null) {
    for (const key of ["sasl.username", ID]) {
      if (!keys.has(key)) continue;
      problems.push({ key: "sasl.jaas.config", value: "[hidden]", why: `excludes ${key}: keep one of the two` });
    }
  }
  for (const [key, entry] of keys) {
    const why = withoutEffect(key, values);
    if (why) problems.push({ key, value: maskedValue(optionOf(WORKER_OPTIONS, key), key, entry), why });
  }
}

function checkLogin(values: WorkerValues, problems: ConfigProblem[]): void {
  const [protocol, mechanism] = [values["security.protocol"], values["sasl.mechanism"]];
  const has = (key: keyof WorkerValues) => values[key] !== null;
  const needs = (key: string, value: string, what: string) => problems.push({ key, value, why: `needs ${what}` });
  if (mechanism === "OAUTHBEARER") {
    if (!has(ENDPOINT)) needs("sasl.mechanism", mechanism, ENDPOINT);
    if ((!has(ID) || !has(SECRET)) && !has("sasl.jaas.config")) {
      needs("sasl.mechanism", mechanism, `${ID} and ${SECRET}, or sasl.jaas.config`);
    }
  } else if (mechanism !== "AWS_MSK_IAM") {
    const login = has("sasl.username") && has("sasl.password");
    if (!login && !has("sasl.jaas.config")) {
      needs("security.protocol", protocol, "sasl.username and sasl.password, or sasl.jaas.config");
    }
  }
}

function withoutEffect(key: string, values: WorkerValues): string | null {
  const [protocol, mechanism] = [values["security.protocol"], values["sasl.mechanism"]];
  const isToken = mechanism === "OAUTHBEARER";
  if (key.startsWith("sasl.") && !protocol.startsWith("SASL")) {
    return `has no effect with security.protocol = ${protocol}; set SASL_SSL or SASL_PLAINTEXT`;
  }
  // The token endpoint is trusted by the same authorities.
  const isForEndpoint = isToken && key.startsWith("ssl.truststore.");
  if (key.startsWith("ssl.") && !protocol.endsWith("SSL") && !isForEndpoint) {
    return `has no effect with security.protocol = ${protocol}; set SSL or SASL_SSL`;
  }
  const forMechanism = (names: string) => `has no effect with sasl.mechanism = ${mechanism}; set ${names}`;
  if (key.startsWith(OAUTH) && !isToken) return forMechanism("OAUTHBEARER");
  if (/^sasl\.(username|password)$/.test(key) && (isToken || mechanism === "AWS_MSK_IAM")) {
    return forMechanism("PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
  }
  return null;
}
