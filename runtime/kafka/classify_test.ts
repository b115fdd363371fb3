import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AuthenticationError, NetworkError, ProtocolError, UserError } from "@platformatic/kafka";
import { FatalError, RetriableError } from "../api/errors.ts";
import { classify } from "./classify.ts";

const failed = (cause: Error) => new NetworkError("Connection to a:1 failed.", { cause });
const coded = (code: string, message = "of TLS") => Object.assign(new Error(message), { code });

Deno.test("classify() takes a broker that hangs up in the middle of a handshake for one that goes away", () => {
  for (
    const cause of [
      new AuthenticationError("No mechanism.", { cause: new NetworkError("Connection closed") }),
      new UserError("TLS handshake failed.", { cause: coded("ECONNRESET") }),
    ]
  ) assert(classify(failed(cause), "Cannot connect") instanceof RetriableError);
});

Deno.test("classify() stops where no second attempt can help, and names the option", () => {
  const cases: [Error, string][] = [
    [coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "ssl.truststore.location"],
    [coded("SELF_SIGNED_CERT_IN_CHAIN"), "ssl.truststore.location"],
    [coded("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "ssl.truststore.location"],
    [coded("CERT_HAS_EXPIRED"), "is to be renewed"],
    [coded("ERR_TLS_CERT_ALTNAME_INVALID"), "ssl.endpoint.identification.algorithm"],
    [coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"), "ssl.keystore.location"],
    [coded("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), "ssl.keystore.location"],
    [new ProtocolError("SASL_AUTHENTICATION_FAILED"), "sasl.password"],
  ];
  for (const [cause, wanted] of cases) {
    const error = classify(failed(cause), "Cannot connect");
    assert(error instanceof FatalError);
    assertStringIncludes(error.message, wanted);
  }
});

Deno.test("classify() passes the verdict of a token's source on", () => {
  const wrapped = (cause: Error) => failed(new AuthenticationError("The provider threw.", { cause }));
  const down = classify(wrapped(new RetriableError("the endpoint is down")), "Cannot connect");
  assert(down instanceof RetriableError);
  assertEquals(down.message, "Cannot connect: the endpoint is down");
  assert(classify(wrapped(new FatalError("no such client")), "Cannot connect") instanceof FatalError);
});
