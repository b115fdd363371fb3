import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError } from "../../../mod.ts";
import { openStorage, sameTableKey } from "./open.ts";

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

Deno.test("sameTableKey() is the same for all URIs of one table, and another for any other", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${root}/lake`);
  await Deno.symlink(`${root}/lake`, `${root}/link`);
  const here = `${Deno.cwd()}/t`;
  const groups = [
    ["s3://b/a", "s3a://b/a", "S3A://b/a/", "s3://b/a//"],
    ["s3://b/ab"],
    ["s3://b", "s3://b/", "s3a://b"],
    [`${root}/lake/t`, `${root}/link/t/`, `file://${root}/lake/t`, `${root}/x/../lake/./t`, `${root}//link/t`],
    [`${root}/lake/t2`],
    [here, "t", "./t", `file://${here}/`],
  ];
  const keys = groups.map((uris) => new Set(uris.map(sameTableKey)));
  for (const [i, set] of keys.entries()) assertEquals(set.size, 1, groups[i].join(" "));
  assertEquals(new Set(keys.flatMap((set) => [...set])).size, groups.length);
  await Deno.remove(root, { recursive: true });
});

Deno.test("openStorage() refuses a place on S3 that no key can have, as a wrong option", () => {
  for (const uri of ["s3://", "s3://b//t", "s3://b/../t"]) assertThrows(() => openStorage(uri), ConfigError, uri);
});
