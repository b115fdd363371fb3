import { assert, assertEquals, assertThrows } from "@std/assert";
import { collectingLog } from "../../tests/support/log.ts";
import { ConfigError } from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { type HttpOptions, matchPath, startHttpServer } from "./server.ts";

function start(options: Partial<HttpOptions> = {}) {
  const log = collectingLog();
  const server = startHttpServer({
    listen: "127.0.0.1:0",
    metrics: { text: () => Promise.resolve("records 1\n"), contentType: "text/plain; version=0.0.4" },
    health: () => ({ ready: true, reasons: [] }),
    log,
    ...options,
  })!;
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
  };
  return { server, log, get };
}

Deno.test("startHttpServer() serves metrics and that the process lives", async () => {
  const { server, get } = start();
  try {
    assertEquals(await get("/metrics"), { status: 200, type: "text/plain; version=0.0.4", text: "records 1\n" });
    assertEquals((await get("/health/live")).text, '{"status":"live"}');
    assertEquals((await get("/health/ready")).status, 200);
  } finally {
    await server.stop();
  }
});

Deno.test("stop() does not wait for a client that never ends its request", async () => {
  const reading = Promise.withResolvers<void>();
  const asked = {
    method: "POST",
    path: "/slow",
    handle: async (request: Request) => {
      reading.resolve();
      return new Response(await request.text());
    },
  };
  const clock = { ...systemClock, sleep: () => Promise.resolve() };
  const { server, log } = start({ routes: [asked], clock });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const head = "POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{";
  await client.write(new TextEncoder().encode(head));
  await reading.promise;
  await server.stop();
  assert(log.lines.some(({ message }) => message === "The HTTP server did not end in time"));
  client.close();
});

Deno.test("startHttpServer() says why the worker is not ready", async () => {
  const { server, get } = start({ health: () => ({ ready: false, reasons: ["task 1 is FAILED"] }) });
  try {
    const { status, text } = await get("/health/ready");
    assertEquals([status, text], [503, '{"status":"not ready","reasons":["task 1 is FAILED"]}']);
  } finally {
    await server.stop();
  }
});

Deno.test("startHttpServer() answers errors in Connect's shape", async () => {
  const boom = {
    method: "GET",
    path: "/boom",
    handle: () => {
      throw new Error("s3cret");
    },
  };
  const { server, get, log } = start({ routes: [boom] });
  try {
    assertEquals((await get("/connectors")).text, '{"error_code":404,"message":"There is nothing at /connectors"}');
    assertEquals((await get("/metrics", { method: "POST" })).status, 405);
    const { status, text } = await get("/boom");
    assertEquals(status, 500);
    assert(!text.includes("s3cret"));
    assertEquals(log.lines.at(-1)?.fields.error, "Error: s3cret");
  } finally {
    await server.stop();
  }
});

Deno.test("startHttpServer() loads further routes with the first request that is for one of them", async () => {
  let loads = 0;
  const later = () => {
    if (++loads === 1) return Promise.reject(new Error("not yet"));
    return Promise.resolve([{ method: "GET", path: "/", handle: () => Response.json("root") }]);
  };
  const { server, get } = start({ later });
  try {
    await get("/metrics");
    await get("/health", { method: "POST" });
    assertEquals(loads, 0);
    assertEquals([(await get("/")).status, (await get("/")).text, (await get("/none")).status], [500, '"root"', 404]);
    assertEquals(loads, 2);
    const options = await fetch(`http://127.0.0.1:${server.port}/`, { method: "OPTIONS" });
    assertEquals([options.status, options.headers.get("allow")], [200, "GET, HEAD, OPTIONS"]);
    const head = await fetch(`http://127.0.0.1:${server.port}/`, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
  } finally {
    await server.stop();
  }
});

Deno.test("startHttpServer() answers /health as Connect does", async () => {
  const { server, get } = start({ health: () => ({ ready: false, reasons: ["task 1 is FAILED"] }) });
  try {
    const { status, text } = await get("/health");
    const body = {
      status: "unhealthy",
      message: "task 1 is FAILED",
      state: "not ready",
      reasons: ["task 1 is FAILED"],
    };
    assertEquals([status, JSON.parse(text)], [503, body]);
  } finally {
    await server.stop();
  }
});

Deno.test("startHttpServer() starts nothing when it is off, and refuses an address in use", async () => {
  assertEquals(startHttpServer({ listen: "off" } as HttpOptions), null);
  const { server } = start();
  try {
    assertThrows(() => start({ listen: `127.0.0.1:${server.port}` }), ConfigError, "cannot be listened on (AddrInUse)");
  } finally {
    await server.stop();
  }
});

Deno.test("matchPath() gives the parts that the pattern names", () => {
  assertEquals(matchPath("/connectors/:name/status", "/connectors/a%20b/status"), { name: "a b" });
  assertEquals(matchPath("/connectors/:name", "/connectors/a/"), { name: "a" });
  assertEquals(matchPath("/connectors/:name", "/connectors/"), null);
  assertEquals(matchPath("/connectors/:name", "/connectors/%zz"), null);
  assertEquals(matchPath("/", "/"), {});
});
