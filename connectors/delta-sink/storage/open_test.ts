import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../../mod.ts";
import { openStorage } from "./open.ts";

Deno.test("openStorage() opens the same folder for a path and a file URI", async () => {
  const root = await Deno.makeTempDir();
  await openStorage(`${root}/a b/../t`).put("x", new Uint8Array([7]));
  assertEquals(await openStorage(`file://${root}/t/`).get("x"), new Uint8Array([7]));
  await Deno.remove(root, { recursive: true });
});

Deno.test("openStorage() opens the same memory under the same name", async () => {
  await openStorage("memory://open-test").put("x", new Uint8Array([7]));
  assertEquals(await openStorage("memory://open-test").get("x"), new Uint8Array([7]));
});

Deno.test("openStorage() refuses a scheme that it does not know, and says what to use", () => {
  const error = assertThrows(() => openStorage("hdfs://lake/orders"), ConfigError);
  assertStringIncludes(error.message, "hdfs://lake/orders");
  assertStringIncludes(error.message, "is not supported: use a local path, file:// or s3://");
});
