/**
 * What to correct where a broker and we do not trust each other: the option, by the error's code.
 *
 * @module
 */

/** What is looked at in an error of a client, of TLS or of Node. */
export interface CodedError extends Error {
  readonly code?: unknown;
  /** The broker's error by name. */
  readonly apiId?: string;
  /** What a SaslHandshake answers beside its error. */
  readonly response?: { readonly mechanisms?: unknown };
}

const OURS = "the broker wants a certificate of ours that is valid and signed by an authority that it trusts: set " +
  "ssl.keystore.location to it and, where its key has a file of its own, ssl.key.location";
const THEIRS =
  "the broker's certificate is not signed by an authority that we trust: set ssl.truststore.location to a " +
  "PEM file of the authority that signed it";

/** Codes of TLS errors, as OpenSSL and Node name them; no second attempt makes any of them better. */
const TLS: readonly (readonly [code: RegExp, advice: string])[] = [
  [
    /^ERR_SSL_.*ALERT_(HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/,
    OURS,
  ],
  [/^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/, "the broker's certificate is to be renewed, unless our clock is wrong"],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    "the broker's certificate is for other names: name the brokers as it does, in bootstrap.servers and in their " +
    'advertised.listeners, or set ssl.endpoint.identification.algorithm to ""',
  ],
  [/^(UNABLE_TO_(VERIFY|GET)_\w+|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|CERT_\w+|INVALID_(CA|PURPOSE))$/, THEIRS],
];

const LOGIN = "sasl.username or sasl.password is wrong (or sasl.jaas.config), or the user is not known for this " +
  "sasl.mechanism";

/** What to correct, or null where the errors are of another kind. */
export function adviceFor(errors: readonly CodedError[]): string | null {
  for (const { code } of errors) {
    const found = TLS.find(([pattern]) => typeof code === "string" && pattern.test(code));
    if (found) return found[1];
  }
  if (errors.some(({ message }) => message.startsWith("The broker refuses the token"))) {
    return "correct sasl.oauthbearer.scope or the client at the token endpoint; the broker's log says why";
  }
  if (errors.some(({ message }) => message === "Broker requires TLS.")) {
    return "set security.protocol to SSL or SASL_SSL, or use a port without TLS";
  }
  const names = errors.map(({ apiId }) => apiId);
  if (names.includes("SASL_AUTHENTICATION_FAILED")) return LOGIN;
  if (names.includes("ILLEGAL_SASL_STATE")) {
    return "this port takes no login: set security.protocol to PLAINTEXT or SSL, or use another port";
  }
  if (names.includes("UNSUPPORTED_SASL_MECHANISM")) {
    const mechanisms = errors.map(({ response }) => response?.mechanisms).find((list) => Array.isArray(list));
    return `set sasl.mechanism to one that the broker has${mechanisms ? `: ${mechanisms.join(", ")}` : ""}`;
  }
  return null;
}
