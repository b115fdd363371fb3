import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../runtime/clock.ts";
import { DelayProxy } from "./delay_proxy.ts";

Deno.test("DelayProxy delivers everything in order, later, and several pieces at once", async () => {
  const delayMs = 150, pieces = 20;
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const echoing = (async () => {
    const conn = await server.accept();
    await conn.readable.pipeTo(conn.writable);
  })();
  const proxy = new DelayProxy((server.addr as Deno.NetAddr).port, delayMs);
  const client = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  const startedMs = systemClock.monotonic();
  for (let i = 0; i < pieces; i++) await client.write(new Uint8Array(1000).fill(i));
  const received = new Uint8Array(pieces * 1000);
  for (let at = 0; at < received.length;) {
    const count = await client.read(received.subarray(at));
    assert(count !== null, `ended after ${at} bytes`);
    at += count;
    assert(systemClock.monotonic() - startedMs >= delayMs - 5);
  }
  const tookMs = systemClock.monotonic() - startedMs;
  assert(tookMs < pieces * delayMs / 2, `pieces are delayed beside each other, not one after the other: ${tookMs} ms`);
  assert(received.every((byte, i) => byte === Math.floor(i / 1000)));
  client.close();
  proxy[Symbol.dispose]();
  server.close();
  await echoing.catch(() => {}); // the proxy hung up
  assertEquals(received.length, pieces * 1000);
});
