/**
 * TLS and logins against a real broker that has a listener for each: what fits is let in, with every client that the
 * program has; what does not fit is named.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../runtime/api/errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createAdmin } from "../../runtime/kafka/admin.ts";
import { kafkaSettings, type RawKafkaSettings } from "../../runtime/kafka/settings.ts";
import { type Listener, startSecureKafka, USER } from "../support/kafka_security.ts";
import { KEY_PASSWORD } from "../support/kafka_security_certificates.ts";
import { CLIENT } from "../support/kafka_security_tokens.ts";
import { collectingLog } from "../support/log.ts";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { Scratch } from "./program.ts";
import { freshName, makeTopic } from "./support.ts";
import { json, originOf, produce, readAll, withProducer } from "./topics.ts";

const kafka = await startSecureKafka();
Deno.test.afterAll(async () => await kafka[Symbol.asyncDispose]());
const { certificates, tokens } = kafka;

type Keys = Readonly<Record<string, string>>;
const trusting: Keys = { "ssl.truststore.location": certificates.ca };
const password = (mechanism: string, more: Keys = {}): Keys => ({
  "sasl.mechanism": mechanism,
  "sasl.username": USER.username,
  "sasl.password": USER.password,
  ...more,
});
const SECRET = "sasl.oauthbearer.client.credentials.client.secret";
const token = (more: Keys = {}): Keys => ({
  "sasl.mechanism": "OAUTHBEARER",
  "sasl.oauthbearer.token.endpoint.url": tokens.url,
  "sasl.oauthbearer.client.credentials.client.id": CLIENT.id,
  [SECRET]: CLIENT.secret,
  "sasl.oauthbearer.scope": CLIENT.scope,
  "sasl.oauthbearer.extensions": "logicalCluster=lkc-1,identityPoolId=pool-1",
  ...more,
});
const over = (protocol: string, ...keys: Keys[]): Keys =>
  Object.assign({ "security.protocol": protocol }, trusting, ...keys);
const plain = (...keys: Keys[]): Keys => Object.assign({ "security.protocol": "SASL_PLAINTEXT" }, ...keys);
const OWN_FILES = {
  "ssl.keystore.location": certificates.clientCertificate,
  "ssl.key.location": certificates.clientKey,
};

/** What is let in; the first of each kind is tried with the whole program. */
const LET_IN: readonly [Listener, Keys][] = [
  ["TLS", over("SSL")],
  [
    "MTLS",
    over("SSL", OWN_FILES, {
      "ssl.key.location": certificates.clientKeyEncrypted,
      "ssl.key.password": KEY_PASSWORD,
    }),
  ],
  ["LOGIN", plain(password("PLAIN"))],
  ["LOGIN_TLS", over("SASL_SSL", password("SCRAM-SHA-256"))],
  ["LOGIN", plain(password("SCRAM-SHA-512"))],
  ["TOKEN_TLS", over("SASL_SSL", token())],
];
const LET_IN_TOO: readonly [Listener, Keys][] = [
  ["MISNAMED", over("SSL", { "ssl.endpoint.identification.algorithm": "" })],
  ["MTLS", over("SSL", OWN_FILES)],
  ["MTLS", over("SSL", { "ssl.keystore.location": certificates.client })],
  ["LOGIN", plain(password("SCRAM-SHA-256"))],
  ["LOGIN_TLS", over("SASL_SSL", password("PLAIN"))],
  ["LOGIN_TLS", over("SASL_SSL", password("SCRAM-SHA-512"))],
  ["TOKEN", plain(token())],
];

Deno.test("a drain with dead letters works over TLS, with a certificate of ours, with each login", async () => {
  const topic = await makeTopic(kafka.bootstrap, 2);
  await produce(kafka.bootstrap, topic, [
    ...[0, 1, 2, 3].map((id) => json({ id }, { partition: id % 2 })),
    { value: "{", partition: 0 },
  ]);
  const drains = LET_IN.map(([listener, keys]) => async () => {
    const what = `${listener} ${keys["sasl.mechanism"] ?? ""}`;
    await using scratch = await makeScratch();
    const letters = freshName("letters");
    const config = await scratch.config({ topics: [topic], "errors.deadletterqueue.topic.name": letters }, {
      "bootstrap.servers": kafka.bootstrapOf(listener),
      ...keys,
    });
    const result = await scratch.drain(config);
    assertEquals([result.records, result.rows, result.tables[0].offsets], [
      ...[5, 4],
      { [`${topic}-0`]: 3, [`${topic}-1`]: 2 },
    ], what);
    assertRows((await readDeltaRs(scratch.table(topic))).rows, [0, 1, 2, 3].map((id) => ({ id: String(id) })), "id");
    assertEquals((await readAll(kafka.bootstrap, letters)).map(originOf), [`${topic}-0@2`], what);
  });
  // Three at a time: each is a process.
  for (let i = 0; i < drains.length; i += 3) await Promise.all(drains.slice(i, i + 3).map((drain) => drain()));
});

Deno.test("createAdmin() is let in by every other way to trust and log in, with both of its clients", async () => {
  const topic = await makeTopic(kafka.bootstrap, 1);
  for (const [listener, keys] of LET_IN_TOO) {
    const admin = await adminOf(listener, keys);
    try {
      const [found] = await admin.describeTopics([topic]);
      assertEquals(await admin.groupOffsets("nobody", [{ ...found, partition: 0 }]), [], listener);
    } finally {
      await admin.close();
    }
  }
});

/** What is refused, and what is named then. */
const REFUSED: readonly [Listener | "PLAINTEXT", Keys, string][] = [
  ["TLS", { "security.protocol": "SSL", "ssl.truststore.location": certificates.otherCa }, "ssl.truststore.location"],
  ["TLS", { "security.protocol": "SSL" }, "ssl.truststore.location"],
  ["MISNAMED", over("SSL"), "ssl.endpoint.identification.algorithm"],
  ["EXPIRED", over("SSL"), "certificate has expired"],
  ["MTLS", over("SSL"), "ssl.keystore.location"],
  ["MTLS", over("SSL", { "ssl.keystore.location": certificates.foreign }), "ssl.keystore.location"],
  ["TLS", {}, "set security.protocol to SSL"],
  ["LOGIN_TLS", plain(password("PLAIN")), "set security.protocol to SASL_SSL"],
  ["PLAINTEXT", over("SSL"), "set security.protocol to PLAINTEXT"],
  ["LOGIN", over("SASL_SSL", password("PLAIN")), "set security.protocol to SASL_PLAINTEXT"],
  ["LOGIN", {}, "set security.protocol to SASL_PLAINTEXT, and log in by a sasl.mechanism that it has (PLAIN"],
  ["LOGIN_TLS", over("SSL"), "set security.protocol to SASL_SSL"],
  ["PLAINTEXT", plain(password("PLAIN")), "set security.protocol to PLAINTEXT or SSL"],
  ...["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].map((mechanism): [Listener, Keys, string] => [
    "LOGIN",
    plain(password(mechanism, { "sasl.password": "a guess" })),
    "sasl.password",
  ]),
  ["SHORT", plain(password("PLAIN")), "set sasl.mechanism to one that the broker has: SCRAM-SHA-512"],
  ["LOGIN", plain(token()), "set sasl.mechanism to one that the broker has"],
  ["TOKEN", plain(token({ [SECRET]: "a guess" })), SECRET],
  ["TOKEN", plain(token({ "sasl.oauthbearer.scope": "everything" })), "sasl.oauthbearer.scope"],
  ["TOKEN", plain(token({ "sasl.oauthbearer.token.endpoint.url": `${tokens.issuer}/keys` })), "token.endpoint.url"],
];

Deno.test("createAdmin() says at once which option does not fit the broker, and stops", async () => {
  for (const [listener, keys, wanted] of REFUSED) {
    const start = systemClock.monotonic();
    await assertRefused(listener, keys, wanted);
    const took = systemClock.monotonic() - start;
    assert(took < 5_000, `${listener} ${wanted} took ${took} ms`);
  }
});

Deno.test("createAdmin() tells a token that the broker refuses from one that the endpoint refuses", async () => {
  tokens.audience = "somebody else";
  try {
    // Another login than those of which tokens are kept.
    const error = await assertRefused("TOKEN", plain(token({ "request.timeout.ms": "9999" })), "refuses the token");
    assert(error.message.includes("sasl.oauthbearer.scope"), error.message);
  } finally {
    tokens.audience = "kafka";
  }
});

Deno.test("start ends with code 1 where the broker refuses it, and never prints a secret", async () => {
  await using scratch = await makeScratch();
  const topic = await makeTopic(kafka.bootstrap, 1);
  const bootstrap = { "bootstrap.servers": kafka.bootstrapOf("LOGIN") };
  const wrong = { ...plain(password("SCRAM-SHA-512")), ...bootstrap, "log.level": "debug" };
  const guess = "a guess that nobody makes";
  for (
    const config of [
      await scratch.config({ topics: [topic] }, { ...wrong, "sasl.password": guess }),
      // Another login for the group alone: it would join, and wait, and try again.
      await scratch.config({ topics: [topic], "consumer.override": { "sasl.password": guess } }, wrong),
      await scratch.config({
        topics: [topic],
        "producer.override": { "sasl.password": guess },
        "errors.deadletterqueue.topic.name": freshName("letters"),
      }, wrong),
    ]
  ) {
    const { code, stderr } = await scratch.start(config).end();
    assertEquals(code, 1, stderr);
    assert(stderr.includes("sasl.password"), stderr);
    for (const secret of [guess, USER.password]) assert(!stderr.includes(secret), `"${secret}" is in: ${stderr}`);
    assert(!/\n {4}at /.test(stderr), `a message, no stack: ${stderr}`);
  }
});

Deno.test("a run outlives sessions of 3 s, a token endpoint that is down, and a restart of the broker", async () => {
  await using scratch = await makeScratch();
  const topic = await makeTopic(kafka.bootstrap, 2);
  const letters = freshName("letters");
  tokens.lifetimeSeconds = 6;
  const config = await scratch.config({
    topics: [topic],
    "tasks.max": 2,
    "commit.interval.ms": 500,
    "errors.deadletterqueue.topic.name": letters,
  }, { "bootstrap.servers": kafka.bootstrapOf("TOKEN"), ...plain(token()), "log.level": "debug" });
  let produced = 0;
  const send = (count: number) =>
    withProducer(kafka.bootstrap, async (producer) => {
      for (let i = 0; i < count; i++, produced++) {
        const value = produced % 10 === 9 ? "{" : JSON.stringify({ id: produced });
        await producer.send({ topic, messages: [{ value, partition: produced % 2 }] });
        await systemClock.sleep(50);
      }
    });
  const program = scratch.start(config);
  await send(1);
  await program.says("Committed");
  const before = tokens.issued;
  await send(100); // 5 s and more: two sessions, most of a token's life
  assert(tokens.issued > before, "a new token was asked for");
  tokens.failure = 503;
  await send(40);
  tokens.failure = null;
  await send(20);
  await kafka.cluster.broker(1).restart();
  await kafka.cluster.untilMembers();
  await send(40);
  await program.while("all letters are there", async () => {
    return (await readAll(kafka.bootstrap, letters)).length >= Math.floor(produced / 10);
  });
  const { code, stderr } = await program.stop();
  assertEquals(code, 0, stderr);
  tokens.lifetimeSeconds = 300;
  await scratch.drain(config);
  const good = Array.from({ length: produced }, (_, id) => id).filter((id) => id % 10 !== 9);
  assertRows((await readDeltaRs(scratch.table(topic))).rows, good.map((id) => ({ id: String(id) })), "id");
  assertEquals(new Set((await readAll(kafka.bootstrap, letters)).map(originOf)).size, produced - good.length);
});

function makeScratch(): Promise<Scratch> {
  return Scratch.make({ bootstrap: kafka.bootstrap, registryUrl: "http://127.0.0.1:9" });
}

async function adminOf(listener: Listener | "PLAINTEXT", keys: RawKafkaSettings) {
  const bootstrap = listener === "PLAINTEXT" ? kafka.bootstrap : kafka.bootstrapOf(listener);
  const settings = (await kafkaSettings({ "bootstrap.servers": bootstrap, ...keys })).admin;
  return createAdmin({ settings, log: collectingLog(), readCommitted: true });
}

async function assertRefused(listener: Listener | "PLAINTEXT", keys: Keys, wanted: string): Promise<Error> {
  const admin = await adminOf(listener, keys);
  try {
    return await assertRejects(() => admin.describeTopics([]), FatalError, wanted);
  } finally {
    await admin.close();
  }
}
