import { assertEquals } from "@std/assert";
import { health } from "./health.ts";

Deno.test("health() is 0 where the worker is ready, 1 where it is not or does not answer", async () => {
  let status = 200;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    assertEquals(new URL(url).pathname, "/health/ready");
    return Response.json({ status }, { status });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  assertEquals(await health({ url }), 0);
  status = 503;
  assertEquals(await health({ url }), 1);
  await server.shutdown();
  assertEquals(await health({ url }), 1);
});
