import { assertEquals } from "@std/assert";
import { IdleCache } from "./idle_cache.ts";

Deno.test("IdleCache keeps what is used, drops what is not, and makes it again when it is wanted", () => {
  const made: string[] = [];
  const cache = new IdleCache((key) => made.push(key), 100);
  cache.get("busy", 0);
  cache.get("idle", 0);
  cache.get("busy", 90);
  cache.sweep(101);
  cache.get("busy", 150);
  assertEquals(made, ["busy", "idle"]);
  cache.get("idle", 160);
  assertEquals(made, ["busy", "idle", "idle"]);
});
