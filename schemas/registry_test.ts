import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Clock, ConfigError, DataError, FatalError, type Log, RetriableError, Secret } from "../mod.ts";
import { createRegistry, type RegisteredSchema, type RegistryConfig, type SchemaRegistry } from "./registry.ts";
import { type FakeRegistry, registryJson, startFakeRegistry } from "./registry_fake.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

/** Real time for the time-outs of requests, plus what a test skips; waits before a retry are skipped and noted. */
class TestClock implements Clock {
  skippedMs = 0;
  readonly waits: number[] = [];
  now = () => Date.now();
  monotonic = () => performance.now() + this.skippedMs;
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (!signal) {
      this.waits.push(ms);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)));
    });
  }
}

function config(urls: readonly string[], more: Partial<RegistryConfig> = {}): RegistryConfig {
  return {
    "schema.registry.url": urls,
    "schema.registry.basic.auth.credentials.source": "AUTO",
    "schema.registry.basic.auth.user.info": null,
    "schema.registry.bearer.auth.token": null,
    "schema.registry.http.read.timeout.ms": 5_000,
    "schema.registry.max.retries": 2,
    "schema.registry.retries.wait.ms": 1_000,
    "schema.registry.retries.max.wait.ms": 1_500,
    "schema.registry.missing.id.cache.ttl.ms": 30_000,
    ...more,
  };
}

function client(urls: readonly string[], more: Partial<RegistryConfig> = {}, clock = new TestClock()): SchemaRegistry {
  return createRegistry(config(urls, more), { fetch, clock, random: () => 0.5, log: silent });
}

/** Nobody listens there. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function withRegistry(
  schemas: RegisteredSchema[],
  body: (fake: FakeRegistry) => Promise<void>,
): Promise<void> {
  const fake = startFakeRegistry(schemas);
  try {
    await body(fake);
  } finally {
    await fake.stop();
  }
}

const order: RegisteredSchema = {
  id: 7,
  schemaType: "AVRO",
  schema: '{"type":"record","name":"Order","fields":[]}',
  references: [],
  subject: "orders-value",
  version: 1,
};

Deno.test("schemaById() asks once for many at the same time and never again", () =>
  withRegistry([order], async (fake) => {
    const registry = client([`${fake.url}/apis/ccompat/v7/`]);
    const [one, two] = await Promise.all([registry.schemaById(7), registry.schemaById(7)]);
    assert(one === two && one === await registry.schemaById(7));
    assertEquals(one, { id: 7, schemaType: "AVRO", schema: order.schema, references: [] });
    assertEquals(fake.requests, ["/apis/ccompat/v7/schemas/ids/7"]);
  }));

Deno.test("schemaById() refuses an unknown id after a few attempts, then from memory, then asks again", () =>
  withRegistry([], async (fake) => {
    const clock = new TestClock();
    const registry = client([fake.url], {}, clock);
    const error = await assertRejects(() => registry.schemaById(7), DataError, "40403");
    assertEquals(error.details, { reason: "unknown schema id", schemaId: 7 });
    assertEquals(fake.requests.length, 3);
    await assertRejects(() => registry.schemaById(7), DataError);
    assertEquals(fake.requests.length, 3);
    fake.schemas.push(order);
    clock.skippedMs = 30_001;
    assertEquals((await registry.schemaById(7)).schema, order.schema);
  }));

Deno.test("schemaById() finds an id on the registry that does not lag", () =>
  withRegistry([], (lagging) =>
    withRegistry([order], async (leader) => {
      assertEquals((await client([lagging.url, leader.url]).schemaById(7)).schema, order.schema);
      assertEquals([lagging.requests.length, leader.requests.length], [1, 1]);
    })));

Deno.test("schemaById() fails over from a registry that is away and stays with the one that answers", () =>
  withRegistry([order, { ...order, id: 8 }], async (fake) => {
    const gone = startFakeRegistry();
    await gone.stop();
    const clock = new TestClock();
    const registry = client([gone.url, fake.url], {}, clock);
    await registry.schemaById(7);
    await registry.schemaById(8);
    assertEquals(clock.waits, []);
    assertEquals(fake.requests.length, 2);
  }));

Deno.test("schemaById() is retriable while no registry answers, waits with full jitter, and keeps no failure", () =>
  withRegistry([order], async (fake) => {
    const clock = new TestClock();
    const registry = client([fake.url], {}, clock);
    for (const status of [500, 503, 429, 408]) {
      fake.intercept = () => registryJson(status, { error_code: 50001, message: "Error in the backend data store" });
      const error = await assertRejects(() => registry.schemaById(7), RetriableError);
      assertStringIncludes(error.message, `HTTP ${status}`);
    }
    assertEquals(clock.waits.slice(0, 2), [500, 750]);
    assertEquals(fake.requests.length, 12);
    fake.intercept = () => new Response("<html>maintenance</html>");
    await assertRejects(() => registry.schemaById(7), RetriableError, "maintenance");
    fake.intercept = null;
    await registry.schemaById(7);
  }));

Deno.test("schemaById() says why no registry answers: refused, or no TLS", () =>
  withRegistry([], async (fake) => {
    const told = async (url: string, why: RegExp) => {
      const error = await assertRejects(
        () => client([url], { "schema.registry.max.retries": 0 }).schemaById(1),
        RetriableError,
      );
      assert(why.test(error.message) && error.message.includes(url), error.message);
    };
    await told(fake.url.replace("http:", "https:"), /corrupt message|tls|ssl/i);
    await told(`http://127.0.0.1:${freePort()}`, /refused/i);
  }));

Deno.test("schemaById() is retriable when an answer takes too long", () =>
  withRegistry([order], async (fake) => {
    const waiting = Promise.withResolvers<Response>();
    fake.intercept = () => waiting.promise;
    const registry = client([fake.url], {
      "schema.registry.http.read.timeout.ms": 20,
      "schema.registry.max.retries": 0,
    });
    await assertRejects(() => registry.schemaById(7), RetriableError, "no answer within 20 ms");
    waiting.resolve(registryJson(200, {}));
  }));

Deno.test("schemaById() stops on refused credentials and on a path without a registry, naming the fix", () =>
  withRegistry([order], async (fake) => {
    const registry = client([fake.url]);
    for (const status of [401, 403]) {
      fake.intercept = () => registryJson(status, { error_code: status, message: "Unauthorized" });
      await assertRejects(() => registry.schemaById(7), FatalError, "schema.registry.basic.auth.user.info");
    }
    fake.intercept = () => registryJson(404, { error_code: 404, message: "HTTP 404 Not Found" });
    await assertRejects(() => registry.schemaById(7), FatalError, "schema.registry.url");
    assertEquals(fake.requests.length, 3);
  }));

Deno.test("createRegistry() sends the credentials of the options or of the URL, and never shows them", () =>
  withRegistry([order], async (fake) => {
    let seen: string | null = null;
    fake.intercept = (request) => {
      seen = request.headers.get("authorization");
      return registryJson(403, { error_code: 403, message: "no" });
    };
    const host = new URL(fake.url).host;
    const refused = async (url: string, more: Partial<RegistryConfig> = {}) =>
      (await assertRejects(() => client([url], more).schemaById(7), FatalError)).message;
    const message = await refused(`http://us%40er:p%C3%A4ss@${host}`);
    assertEquals(seen, `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode("us@er:päss")))}`);
    assert(!message.includes("ss@") && message.includes(fake.url));
    await refused(fake.url, { "schema.registry.basic.auth.user.info": new Secret("a:b") });
    assertEquals(seen, `Basic ${btoa("a:b")}`);
    await refused(fake.url, { "schema.registry.bearer.auth.token": new Secret("t0ken") });
    assertEquals(seen, "Bearer t0ken");
    await refused(fake.url);
    assertEquals(seen, null);
  }));

Deno.test("createRegistry() refuses options that exclude each other, and no URL", () => {
  assertThrows(() => client([]), ConfigError, "schema.registry.url");
  const both = {
    "schema.registry.basic.auth.user.info": new Secret("a:b"),
    "schema.registry.bearer.auth.token": new Secret("t"),
  };
  assertThrows(() => client(["http://127.0.0.1:1"], both), ConfigError, "bearer");
  assertThrows(
    () => client(["http://127.0.0.1:1"], { "schema.registry.basic.auth.credentials.source": "USER_INFO" }),
    ConfigError,
    "basic.auth.user.info",
  );
});

Deno.test("schemaByVersion() keeps numbered versions, asks for latest each time, and encodes the subject", () =>
  withRegistry([{ ...order, subject: "a/b c" }], async (fake) => {
    const registry = client([fake.url]);
    assertEquals(await registry.schemaByVersion("a/b c", 1), { ...order, subject: "a/b c" });
    await registry.schemaByVersion("a/b c", 1);
    assertEquals(fake.requests, ["/subjects/a%2Fb%20c/versions/1"]);
    fake.schemas.push({ ...order, id: 9, version: 2, subject: "a/b c" });
    assertEquals((await registry.schemaByVersion("a/b c", "latest")).id, 9);
    fake.schemas.push({ ...order, id: 10, version: 3, subject: "a/b c" });
    assertEquals((await registry.schemaByVersion("a/b c", "latest")).id, 10);
    const error = await assertRejects(() => registry.schemaByVersion("a/b c", 4), DataError, "40402");
    assertEquals(error.details, { reason: "unknown schema version", subject: "a/b c" });
  }));

Deno.test("resolveReferences() follows them transitively, once each, dependencies first", () => {
  const refer = (...subjects: string[]) => subjects.map((subject) => ({ name: subject, subject, version: 1 }));
  const make = (id: number, subject: string, ...references: string[]): RegisteredSchema => ({
    ...order,
    id,
    subject,
    references: refer(...references),
  });
  const all = [make(1, "top", "left", "right"), make(2, "left", "base"), make(3, "right", "base"), make(4, "base")];
  return withRegistry(all, async (fake) => {
    const registry = client([fake.url]);
    const resolved = await registry.resolveReferences(await registry.schemaById(1));
    assertEquals(resolved.map(({ schema }) => schema.subject), ["base", "left", "right"]);
    assertEquals(await registry.resolveReferences(make(5, "alone")), []);
  });
});
