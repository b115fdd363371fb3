/**
 * Storage on S3 against servers that are bad in one way each.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ConfigError, FatalError, RetriableError } from "../../../mod.ts";
import { storageConformance } from "../../../tests/conformance/storage.ts";
import { FakeS3, type FakeS3Options, s3Error } from "../../../tests/support/fake_s3.ts";
import { openStorage } from "./open.ts";
import { S3_DEFAULTS, type S3Settings } from "./s3/options.ts";
import { S3Storage } from "./s3.ts";
import type { Storage } from "./storage.ts";
import { StorageMeter } from "./usage.ts";

const MiB = 1024 * 1024;
const KEYS = { accessKeyId: "key", secretAccessKey: "secret", connectTimeoutMs: 500, requestTimeoutMs: 2000 };

/** A storage on a server of its own. */
async function on(
  options: FakeS3Options,
  run: (storage: Storage, fake: FakeS3, meter: StorageMeter) => Promise<void>,
  settings: Partial<S3Settings> = {},
): Promise<void> {
  await using fake = new FakeS3(options);
  const meter = new StorageMeter();
  const s3 = { ...S3_DEFAULTS, ...KEYS, endpoint: fake.url, ...settings };
  await run(openStorage("s3://lake/a/orders", { s3, meter }), fake, meter);
}

storageConformance("fake s3", () => {
  const fake = new FakeS3({ pageSize: 2 });
  const s3 = { ...S3_DEFAULTS, ...KEYS, endpoint: fake.url };
  const open = () => openStorage("s3://lake/a/orders", { s3 });
  return Promise.resolve({ storage: open(), other: open(), cleanUp: () => fake[Symbol.asyncDispose]() });
});

for (const exclusion of ["racing", "ignored"] as const) {
  Deno.test(`S3Storage.check() refuses a server whose put-if-absent is ${exclusion}`, async () => {
    await on({ exclusion }, async (storage, fake) => {
      const error = await assertRejects(() => storage.check(), FatalError);
      assertStringIncludes(error.message, 'Cannot use "s3://lake/a/orders": it does not honour put-if-absent');
      assertStringIncludes(error.message, exclusion === "racing" ? "of 8 racing writers" : "put-if-absent");
      assertEquals([...fake.objects.keys()], [], "nothing is left");
    });
  });
}

Deno.test("S3Storage.check() lets writers race once for all tables of a bucket", async () => {
  let creations = 0;
  const intercept: FakeS3Options["intercept"] = ({ headers }) => {
    if (headers.has("if-none-match")) creations++;
    return null;
  };
  await on({ intercept }, async (storage, fake) => {
    await storage.check();
    const raced = creations;
    assert(raced >= 80, `${raced}`);
    await openStorage("s3://lake/a/clicks", { s3: { ...S3_DEFAULTS, ...KEYS, endpoint: fake.url } }).check();
    assertEquals(creations, raced);
  });
});

Deno.test("S3Storage.check() ends uploads that a killed process left a day ago, and no younger ones", async () => {
  await on({}, async (storage, fake) => {
    const upload = (hours: number) => ({ key: "lake/a/orders/x", parts: new Map(), started: hoursAgo(hours) });
    fake.uploads.set("old", upload(25)).set("young", upload(23));
    await storage.check();
    assertEquals([...fake.uploads.keys()], ["young"]);
  });
});

Deno.test("S3Storage.check() of a table that is a whole bucket leaves the uploads of others in it alone", async () => {
  await using fake = new FakeS3({});
  const upload = (key: string) => ({ key, parts: new Map(), started: hoursAgo(25) });
  fake.uploads.set("ours", upload(`lake/day=1/part-${crypto.randomUUID()}.zstd.parquet`));
  fake.uploads.set("theirs", upload("lake/backup.tar"));
  await openStorage("s3://lake", { s3: { ...S3_DEFAULTS, ...KEYS, endpoint: fake.url } }).check();
  assertEquals([...fake.uploads.keys()], ["theirs"]);
});

Deno.test("S3Storage.putIfAbsent() tries once, whatever goes wrong, and leaves it open", async () => {
  for (
    const [status, code] of [[500, "InternalError"], [503, "SlowDown"], [409, "ConditionalRequestConflict"]] as const
  ) {
    let attempts = 0;
    const intercept = () => (attempts++, s3Error(status, code));
    await on({ intercept }, async (storage) => {
      const error = await assertRejects(() => storage.putIfAbsent("x", new Uint8Array(1)), RetriableError);
      assertStringIncludes(error.message, `Cannot create "s3://lake/a/orders/x": ${code}`);
      assertEquals(attempts, 1);
    });
  }
});

Deno.test("S3Storage repeats other calls, counts that, and is retriable where it goes on", async () => {
  let failures = 2;
  const intercept = () => failures-- > 0 ? s3Error(500, "InternalError") : null;
  await on({ intercept }, async (storage, _fake, meter) => {
    await storage.put("x", new Uint8Array(3));
    const counts = meter.snapshot().map(({ outcome, requests, bytesOut }) => [outcome, requests, bytesOut]);
    assertEquals(counts, [["ok", 1, 3], ["retried", 2, 6]]);
    failures = 100;
    await assertRejects(() => storage.get("x"), RetriableError, "InternalError (500)");
  });
  await on({ intercept: () => s3Error(503, "SlowDown") }, async (storage, _fake, meter) => {
    await assertRejects(() => storage.putIfAbsent("x", new Uint8Array(3)), RetriableError, "SlowDown (503)");
    assertEquals(meter.snapshot().map(({ operation, outcome }) => [operation, outcome]), [[
      "put_if_absent",
      "throttled",
    ]]);
  });
});

Deno.test("S3Storage is retriable where nobody answers, and names the endpoint", async () => {
  const s3 = { ...S3_DEFAULTS, ...KEYS, endpoint: "http://127.0.0.1:1" };
  const storage = openStorage("s3://lake/t", { s3 });
  const error = await assertRejects(() => storage.putIfAbsent("x", new Uint8Array(1)), RetriableError);
  assertStringIncludes(error.message, "no answer from http://127.0.0.1:1");
});

Deno.test("S3Storage refuses for good what a person must mend, and says how", async () => {
  const cases: readonly [Response, RegExp][] = [
    [
      s3Error(403, "AccessDenied"),
      /Cannot write "s3:\/\/lake\/a\/orders\/x": AccessDenied.*Allow s3:PutObject on arn:aws:s3:::lake\/a\/orders\/x/,
    ],
    [s3Error(404, "NoSuchBucket"), /There is no bucket "lake": create it, or correct table.uri/],
    [s3Error(301, "PermanentRedirect", { "x-amz-bucket-region": "eu-west-1" }), /set s3\.region: eu-west-1/],
    [s3Error(403, "SignatureDoesNotMatch"), /correct s3\.secret\.access\.key/],
    [s3Error(403, "InvalidAccessKeyId"), /correct s3\.access\.key\.id/],
    [s3Error(403, "RequestTimeTooSkewed"), /This machine's clock is wrong/],
    [s3Error(501, "NotImplemented"), /use another S3-compatible store/],
  ];
  for (const [answer, message] of cases) {
    await on({ intercept: () => answer.clone() }, async (storage) => {
      const error = await assertRejects(() => storage.put("x", new Uint8Array(1)), FatalError);
      assert(message.test(error.message), error.message);
    });
  }
});

Deno.test("S3Storage.head() says why it was refused, though an answer to HEAD has no text", async () => {
  const intercept: FakeS3Options["intercept"] = ({ method }) =>
    method === "HEAD" ? new Response(null, { status: 403 }) : s3Error(403, "AccessDenied");
  await on({ intercept }, async (storage) => {
    await assertRejects(() => storage.head("x"), FatalError, "AccessDenied (403)");
  });
  await on({ buckets: [] }, async (storage) => {
    await assertRejects(() => storage.head("x"), FatalError, 'There is no bucket "lake"');
    await assertRejects(() => storage.list(""), FatalError, 'Cannot list "a/orders/" in bucket "lake"');
  });
});

Deno.test("S3Storage.openWrite() sends a part again, and finds what an unanswered completion made", async () => {
  let failures = 0;
  const intercept: FakeS3Options["intercept"] = ({ query, method }) => {
    if (query.get("partNumber") === "2" && failures++ < 6) return s3Error(500, "InternalError");
    return method === "POST" && query.has("uploadId") && failures++ < 8 ? s3Error(404, "NoSuchUpload") : null;
  };
  await using fake = new FakeS3({ intercept });
  let retries = 0;
  const retry = async <T>(_what: string, attempt: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof RetriableError)) throw error;
        retries++;
      }
    }
  };
  const settings = { ...S3_DEFAULTS, ...KEYS, endpoint: fake.url, partBytes: 5 * MiB };
  const storage = new S3Storage({ uri: "s3://lake/t", settings, meter: new StorageMeter(), retry });
  const writer = await storage.openWrite("x");
  for (let i = 0; i < 11; i++) await writer.write(new Uint8Array(MiB).fill(i));
  fake.objects.set("lake/t/x", { bytes: new Uint8Array(11 * MiB), modified: new Date() });
  assertEquals(await writer.close(), 11 * MiB);
  assertEquals(retries, 1, "the part's four attempts, again");
});

Deno.test("S3Storage.openWrite() throws what failed, and abort() leaves no upload", async () => {
  const intercept: FakeS3Options["intercept"] = ({ query }) =>
    query.get("partNumber") === "1" ? s3Error(403, "AccessDenied") : null;
  await on({ intercept }, async (storage, fake) => {
    const writer = await storage.openWrite("x");
    await assertRejects(
      async () => {
        for (let i = 0; i < 100; i++) await writer.write(new Uint8Array(MiB));
      },
      FatalError,
      "Cannot upload part 1 of",
    );
    assertEquals(fake.uploads.size, 1);
    await writer.abort();
    assertEquals([fake.uploads.size, fake.objects.size], [0, 0]);
  }, { partBytes: 5 * MiB });
});

Deno.test("S3Storage.get() reads again what broke off", async () => {
  let torn = 2;
  const intercept: FakeS3Options["intercept"] = ({ method }) =>
    method === "GET" && torn-- > 0 ? new Response(tornBody(), { headers: { "content-length": "10" } }) : null;
  await on({ intercept }, async (storage, fake) => {
    fake.objects.set("lake/a/orders/x", { bytes: new Uint8Array([1, 2, 3]), modified: new Date() });
    assertEquals(await storage.get("x"), new Uint8Array([1, 2, 3]));
    torn = 3;
    await assertRejects(() => storage.get("x"), RetriableError, "to its end");
  });
});

Deno.test("openStorage() refuses an S3 URI without a bucket", () => {
  for (const uri of ["s3://", "s3:///x"]) {
    try {
      openStorage(uri);
      throw new Error(`${uri} was opened`);
    } catch (error) {
      assert(error instanceof ConfigError && error.message.includes("s3://BUCKET/PATH"), String(error));
    }
  }
});

Deno.test("the AWS SDK is loaded with the first request to S3, not with the program", async () => {
  const info = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL("../../../runtime/cli/main.ts", import.meta.url).pathname],
    stderr: "null",
  });
  const { modules } = JSON.parse(new TextDecoder().decode((await info.output()).stdout)) as {
    modules: {
      specifier: string;
      dependencies?: { code?: { specifier: string }; specifier: string; isDynamic?: boolean }[];
    }[];
  };
  const importers = modules.flatMap(({ specifier, dependencies = [] }) =>
    dependencies.filter(({ code }) => code?.specifier.endsWith("/storage/s3/calls.ts")).map((dependency) => (
      { importer: specifier.split("/").at(-1), isDynamic: dependency.isDynamic ?? false }
    ))
  );
  assertEquals(importers, [{ importer: "s3.ts", isDynamic: true }]);
  const direct = modules.filter(({ dependencies = [] }) =>
    dependencies.some(({ specifier, code }) => code && specifier.startsWith("@aws-sdk/"))
  );
  assertEquals(direct.map(({ specifier }) => specifier.split("/").at(-1)).sort(), ["calls.ts", "connection.ts"]);
});

function tornBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array([1]));
      controller.close();
    },
  });
}

function hoursAgo(hours: number): Date {
  return new Date(Date.now() - hours * 3_600_000);
}
