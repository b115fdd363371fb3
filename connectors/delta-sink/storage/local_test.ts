import { assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../../mod.ts";
import { storageConformance } from "../../../tests/conformance/storage.ts";
import { LocalStorage } from "./local.ts";

storageConformance("local", async () => {
  const root = await Deno.makeTempDir();
  // A folder that does not exist yet: the first object creates it.
  return {
    storage: new LocalStorage(`${root}/lake/orders`),
    other: new LocalStorage(`${root}/lake/orders`),
    cleanUp: () => Deno.remove(root, { recursive: true }),
  };
});

Deno.test("LocalStorage leaves no hidden files, whoever wins", async () => {
  const root = await Deno.makeTempDir();
  const storage = new LocalStorage(root);
  await Promise.all(Array.from({ length: 8 }, (_, i) => storage.putIfAbsent("x", new Uint8Array([i]))));
  await storage.put("y", new Uint8Array(1));
  const names = (await Array.fromAsync(Deno.readDir(root))).map((entry) => entry.name).sort();
  assertEquals(names, ["x", "y"]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("LocalStorage passes by the hidden files of a crashed process that had its id", async () => {
  const root = await Deno.makeTempDir();
  for (let i = 0; i < 200; i++) await Deno.writeTextFile(`${root}/.sluice-${Deno.pid}-${i}`, "left");
  const storage = new LocalStorage(root);
  assertEquals(await storage.putIfAbsent("x", new Uint8Array([1])), { kind: "created" });
  assertEquals((await storage.list("")).map((o) => o.path), ["x"]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("LocalStorage ends where no folder can be made, though nothing is in the way", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const storage = new LocalStorage("/proc/nowhere/orders");
  await assertRejects(() => storage.putIfAbsent("x", new Uint8Array(1)), Error, "/proc/nowhere");
});

Deno.test("LocalStorage names the fix where a file is in the way", async () => {
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/file`, "");
  await assertRejects(() => new LocalStorage(`${root}/file`).check(), FatalError, "choose another path");
  await assertRejects(() => new LocalStorage(root).put("file/x", new Uint8Array(1)), FatalError, "choose another path");
  await Deno.remove(root, { recursive: true });
});

Deno.test("LocalStorage.check() removes hidden files that a killed process left a day ago, and no younger ones", async () => {
  const root = await Deno.makeTempDir();
  await Deno.mkdir(`${root}/date=2026-01-01`);
  const files = [".sluice-1-1", ".sluice-1-2", "date=2026-01-01/.sluice-1-3", "date=2026-01-01/part-1.parquet"];
  for (const file of files) await Deno.writeTextFile(`${root}/${file}`, "");
  const longAgo = new Date(2026, 0, 1);
  for (const file of files.filter((file) => !file.endsWith("1-2"))) {
    await Deno.utime(`${root}/${file}`, longAgo, longAgo);
  }
  await new LocalStorage(root).check();
  const left = [
    ...await Array.fromAsync(Deno.readDir(root)),
    ...await Array.fromAsync(Deno.readDir(`${root}/date=2026-01-01`)),
  ];
  assertEquals(left.filter(({ isFile }) => isFile).map(({ name }) => name).sort(), [".sluice-1-2", "part-1.parquet"]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("LocalStorage.check() passes in a new folder also where others check it, write and clean up at once", async () => {
  const root = await Deno.makeTempDir();
  for (let round = 0; round < 25; round++) {
    const folder = `${root}/${round}`;
    // As processes that start together do, at slightly different times.
    await Promise.all(Array.from({ length: 5 }, async (_, i) => {
      for (let turn = 0; turn < i * 7; turn++) await Deno.stat(root);
      const storage = new LocalStorage(folder);
      await storage.check();
      await storage.put(`a/${i}`, new Uint8Array([i]));
      await storage.check();
    }));
  }
  await Deno.remove(root, { recursive: true });
});
