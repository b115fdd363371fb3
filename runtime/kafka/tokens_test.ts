import { assert, assertEquals, assertRejects } from "@std/assert";
import { FatalError, RetriableError } from "../api/errors.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { CLIENT, startTokenEndpoint } from "../../tests/support/kafka_security_tokens.ts";
import type { TokenLogin } from "./security_settings.ts";
import { presignToken, requestToken, TokenSource } from "./tokens.ts";

function loginTo(endpointUrl: string, more: Partial<TokenLogin> = {}): TokenLogin {
  return {
    mechanism: "OAUTHBEARER",
    endpointUrl,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    scope: CLIENT.scope,
    headerUrlencode: false,
    extensions: {},
    ca: null,
    timeoutMs: 10_000,
    ...more,
  };
}

Deno.test("TokenSource keeps a token for most of its life, and asks once however many want it", async () => {
  const clock = new FakeClock();
  let issued = 0;
  const source = new TokenSource(() => Promise.resolve({ text: `t${++issued}`, lifetimeMs: 1000 }), clock);
  assertEquals(await Promise.all([source.token(), source.token(), source.token()]), ["t1", "t1", "t1"]);
  await clock.advance(799);
  assertEquals(await source.token(), "t1");
  await clock.advance(1);
  assertEquals(await source.token(), "t2");
});

Deno.test("TokenSource goes on with the old token while no new one comes, until the old one ends", async () => {
  const clock = new FakeClock();
  let fails: Error | null = null;
  const source = new TokenSource(
    () => fails ? Promise.reject(fails) : Promise.resolve({ text: "t", lifetimeMs: 1000 }),
    clock,
  );
  await source.token();
  fails = new RetriableError("the endpoint is down");
  await clock.advance(900);
  assertEquals(await source.token(), "t");
  await clock.advance(100);
  await assertRejects(() => source.token(), RetriableError, "the endpoint is down");
  fails = null;
  assertEquals(await source.token(), "t");
  fails = new FatalError("no such client any more");
  await clock.advance(900);
  await assertRejects(() => source.token(), FatalError, "no such client");
});

Deno.test("requestToken() gets a token by the client-credentials grant", async () => {
  const endpoint = startTokenEndpoint();
  try {
    const { text, lifetimeMs } = await requestToken(loginTo(endpoint.url));
    assertEquals([text.split(".").length, lifetimeMs], [3, 300_000]);
    const refused = await assertRejects(
      () => requestToken(loginTo(endpoint.url, { clientSecret: "hush" })),
      FatalError,
    );
    assert(refused.message.includes("invalid_client") && refused.message.includes("client.secret"), refused.message);
    assert(!refused.message.includes("hush"), refused.message);
    await assertRejects(
      () => requestToken(loginTo(`${endpoint.issuer}/keys`)),
      FatalError,
      "no JSON with an access_token",
    );
    endpoint.failure = 503;
    await assertRejects(() => requestToken(loginTo(endpoint.url)), RetriableError, "503");
    endpoint.failure = 404;
    await assertRejects(() => requestToken(loginTo(endpoint.url)), FatalError, "correct the URL");
  } finally {
    await endpoint.close();
  }
  await assertRejects(() => requestToken(loginTo(endpoint.url)), RetriableError, "sasl.oauthbearer.token.endpoint.url");
});

Deno.test("presignToken() makes a presigned kafka-cluster:Connect for the region's MSK, and tells when it ends", async () => {
  const names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const;
  const before = names.map((name) => Deno.env.get(name));
  Deno.env.set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  Deno.env.set("AWS_SECRET_ACCESS_KEY", "hush");
  Deno.env.set("AWS_SESSION_TOKEN", "session/of=a role");
  try {
    const clock = new FakeClock();
    const login = {
      mechanism: "AWS_MSK_IAM",
      region: "eu-central-1",
      roleArn: null,
      roleSessionName: null,
      profile: null,
    };
    const { text, lifetimeMs } = await presignToken({ ...login, mechanism: "AWS_MSK_IAM" }, clock);
    const url = new URL(new TextDecoder().decode(Uint8Array.fromBase64(text, { alphabet: "base64url" })));
    assertEquals(`${url.protocol}//${url.host}${url.pathname}`, "https://kafka.eu-central-1.amazonaws.com/");
    const query = Object.fromEntries(url.searchParams);
    assertEquals([query.Action, query["X-Amz-Algorithm"], query["X-Amz-Expires"], query["X-Amz-SignedHeaders"]], [
      ...["kafka-cluster:Connect", "AWS4-HMAC-SHA256", "900", "host"],
    ]);
    assert(/^AKIDEXAMPLE\/\d{8}\/eu-central-1\/kafka-cluster\/aws4_request$/.test(query["X-Amz-Credential"]));
    assertEquals(query["X-Amz-Security-Token"], "session/of=a role");
    assert(/^[0-9a-f]{64}$/.test(query["X-Amz-Signature"]));
    const signedAt = query["X-Amz-Date"].replace(/^(....)(..)(..T..)(..)/, "$1-$2-$3:$4:");
    assertEquals(lifetimeMs + clock.now(), Date.parse(signedAt) + 900_000);
    assert(!text.includes("hush"));
  } finally {
    names.forEach((name, i) => before[i] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[i]));
  }
});
