/**
 * Credentials of tables on S3: roles, and what expires in the middle of a run.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError, FatalError, RetriableError } from "../../../mod.ts";
import { parseConfig } from "../../../runtime/config/parse_config.ts";
import { rawKeys } from "../../../runtime/config/raw.ts";
import { FakeS3, s3Error } from "../../../tests/support/fake_s3.ts";
import { FakeSts } from "../../../tests/support/fake_sts.ts";
import { openStorage } from "./open.ts";
import { S3_DEFAULTS, s3Options, type S3Settings, s3Settings } from "./s3/options.ts";
import type { Storage } from "./storage.ts";

const HOUR = 3_600_000;
const ROLE = "arn:aws:iam::1:role/orders";
const OWN = { accessKeyId: "own", secretAccessKey: "s", region: "eu-west-1" };

async function withRole(
  sts: FakeSts,
  run: (storage: Storage, fake: FakeS3) => Promise<void>,
  settings: Partial<S3Settings> = {},
): Promise<void> {
  await using _ = sts;
  await using fake = new FakeS3({ intercept: sts.guard });
  const role = { roleArn: ROLE, externalId: "x-1", stsEndpoint: sts.url };
  await run(
    openStorage("s3://lake/t", { s3: { ...S3_DEFAULTS, ...OWN, ...role, endpoint: fake.url, ...settings } }),
    fake,
  );
}

Deno.test("S3Storage assumes a role once, by its external id and under a session's name", async () => {
  const sts = new FakeSts(HOUR);
  await withRole(sts, async (storage) => {
    await Promise.all([storage.put("x", new Uint8Array(1)), storage.putIfAbsent("y", new Uint8Array(1))]);
    await storage.get("x");
    assertEquals(sts.asked.length, 1);
    const asked = (name: string) => sts.asked[0].get(name);
    assertEquals([asked("Action"), asked("RoleArn")], ["AssumeRole", ROLE]);
    assertEquals([asked("ExternalId"), asked("RoleSessionName")], ["x-1", "sluice-orders"]);
  }, { roleSessionName: "sluice-orders" });
});

Deno.test("S3Storage goes on past the end of its credentials, with every kind of request", async () => {
  const sts = new FakeSts(HOUR);
  await withRole(sts, async (storage, fake) => {
    const steps: (() => Promise<unknown>)[] = [
      () => storage.put("a", new Uint8Array(1)),
      () => storage.putIfAbsent("b", new Uint8Array(1)),
      () => storage.get("a"),
      () => storage.head("a"),
      () => storage.list(""),
      () => storage.delete("a"),
    ];
    for (const step of steps) {
      await step();
      sts.expire();
    }
    assertEquals(await storage.putIfAbsent("b", new Uint8Array(1)), { kind: "exists" });
    assertEquals([...fake.objects.keys()], ["lake/t/b"]);
    assertEquals(sts.asked.length, steps.length + 1, "once for each time that they ended");
  });
});

Deno.test("S3Storage renews credentials before they expire, where they say when", async () => {
  const sts = new FakeSts(HOUR, 60_000); // within the five minutes that the SDK keeps clear of
  await withRole(sts, async (storage) => {
    await storage.put("a", new Uint8Array(1));
    const before = sts.asked.length;
    await storage.put("a", new Uint8Array(1));
    assert(sts.asked.length > before);
  });
});

Deno.test("S3Storage is retriable where credentials have expired and are the same again", async () => {
  await using fake = new FakeS3({ intercept: () => s3Error(400, "ExpiredToken") });
  const s3 = { ...S3_DEFAULTS, ...OWN, sessionToken: "t", endpoint: fake.url };
  const error = await assertRejects(() => openStorage("s3://lake/t", { s3 }).get("x"), RetriableError);
  assertStringIncludes(error.message, "The credentials have expired: renew them");
});

Deno.test("S3Storage refuses a role that it may not assume, and tries again where STS is away", async () => {
  const refused = (status: number, code: string) =>
    new Response(`<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`, { status });
  const sts = new FakeSts(HOUR);
  sts.refusal = refused(403, "AccessDenied");
  await withRole(sts, async (storage) => {
    const error = await assertRejects(() => storage.putIfAbsent("x", new Uint8Array(1)), FatalError);
    assertStringIncludes(error.message, `cannot assume role "${ROLE}" (sts:AssumeRole): AccessDenied`);
    assertStringIncludes(error.message, "s3.external.id");
    sts.refusal = refused(503, "ServiceUnavailable");
    await assertRejects(() => storage.putIfAbsent("x", new Uint8Array(1)), RetriableError, "ServiceUnavailable");
    sts.refusal = null;
    assertEquals(await storage.putIfAbsent("x", new Uint8Array(1)), { kind: "created" });
  });
});

Deno.test("s3Settings() reports every option that has no effect without another", () => {
  const parse = (values: Record<string, string>) => s3Settings(parseConfig(s3Options, rawKeys(values)).values, "c.");
  const error = assertThrows(
    () =>
      parse({
        "s3.access.key.id": "k",
        "s3.external.id": "x",
        "s3.sse.kms.key.id": "key",
        "s3.endpoint": "127.0.0.1:9000",
      }),
    ConfigError,
  );
  assertEquals(error.problems.map(({ key }) => key), [
    "c.s3.access.key.id",
    "c.s3.external.id",
    "c.s3.sse.kms.key.id",
    "c.s3.endpoint",
  ]);
  const settings = parse({ "s3.access.key.id": "k", "s3.secret.access.key": "hush", "s3.endpoint": "http://h:1" });
  assertEquals([settings.accessKeyId, settings.secretAccessKey, settings.endpoint], ["k", "hush", "http://h:1"]);
  assert(settings.partBytes === 8 * 1024 * 1024);
});
