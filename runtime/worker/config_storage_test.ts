import { assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../api/errors.ts";
import { ConfigStorage } from "./config_storage.ts";
import { fileStore } from "./file_store.ts";

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-storage-" });
  try {
    await run(`${folder}/connectors.json`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("ConfigStorage in a file holds connectors and what is wanted of them, for the next process", async () => {
  await inFolder(async (path) => {
    const storage = new ConfigStorage(fileStore(path));
    assertEquals((await storage.load()).configs.size, 0);
    await Promise.all([
      storage.putConfig("a", { topics: "t", "sasl.password": "hush" }, "PAUSED"),
      storage.putConfig("b", { topics: "u" }, "RUNNING"),
      storage.putTarget("of-the-file", "STOPPED"),
    ]);
    await storage.putConfig("b", { topics: "v" });
    await storage.putConfig("c", {}, "STOPPED");
    await storage.delete("c");
    const { configs, targets } = await new ConfigStorage(fileStore(path)).load();
    assertEquals([...configs], [["a", { topics: "t", "sasl.password": "hush" }], ["b", { topics: "v" }]]);
    assertEquals([...targets].sort(), [["a", "PAUSED"], ["of-the-file", "STOPPED"]]);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    await storage.putTarget("a", "RUNNING");
    assertEquals((await new ConfigStorage(fileStore(path)).load()).targets.has("a"), false);
  });
});

Deno.test("ConfigStorage survives a write that was cut off, and refuses a file that is none of its own", async () => {
  await inFolder(async (path) => {
    await new ConfigStorage(fileStore(path)).putConfig("a", { topics: "t" });
    await Deno.writeTextFile(`${path}.next`, '{"connector-a": {"prop'); // died before the rename
    const storage = new ConfigStorage(fileStore(path));
    assertEquals([...(await storage.load()).configs.keys()], ["a"]);
    await storage.putConfig("b", {});
    assertEquals([...(await new ConfigStorage(fileStore(path)).load()).configs.keys()], ["a", "b"]);
    const strange = ["not JSON", "[1]", '{"x": {}}', '{"connector-a": 7}', '{"connector-a": {"properties": {"k": 1}}}'];
    for (const text of [...strange, '{"target-state-a": {"state": "ASLEEP"}}']) {
      await Deno.writeTextFile(path, text);
      await assertRejects(() => new ConfigStorage(fileStore(path)).load(), FatalError, "config.storage", text);
    }
  });
});

Deno.test("ConfigStorage in a file refuses changes where somebody else has changed it, and loses nothing of theirs", async () => {
  await inFolder(async (path) => {
    const [first, second] = [new ConfigStorage(fileStore(path)), new ConfigStorage(fileStore(path))];
    await first.load();
    await second.load();
    await first.putConfig("a", { topics: "t" });
    await assertRejects(() => second.putConfig("b", {}), FatalError, "somebody else has changed it");
    await first.putConfig("c", {});
    assertEquals([...(await second.load()).configs.keys()], ["a", "c"]);
    await second.putTarget("a", "PAUSED");
    await assertRejects(() => first.delete("a"), FatalError, "somebody else has changed it");
    await Deno.remove(path); // a file that is gone holds nothing that could be lost
    await second.putTarget("c", "PAUSED");
    const { configs, targets } = await new ConfigStorage(fileStore(path)).load();
    assertEquals([[...configs.keys()], [...targets.keys()]], [["a", "c"], ["a", "c"]]);
    // At the same moment: one of them.
    const both = await Promise.all([second, new ConfigStorage(fileStore(path))].map(async (storage) => {
      await storage.load();
      return storage;
    }));
    const done = await Promise.allSettled(both.map((storage, i) => storage.putConfig(`d${i}`, {})));
    assertEquals(done.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });
});

Deno.test("ConfigStorage that cannot write says so, and goes on where it can", async () => {
  await inFolder(async (path) => {
    const storage = new ConfigStorage(fileStore(path));
    await storage.load();
    await storage.putConfig("a", {});
    await Deno.mkdir(`${path}.next/full`, { recursive: true });
    await assertRejects(() => storage.putConfig("b", {}), FatalError, "Cannot write config.storage");
    await Deno.remove(`${path}.next`, { recursive: true });
    await storage.putConfig("c", {});
    assertEquals([...(await new ConfigStorage(fileStore(path)).load()).configs.keys()], ["a", "c"]);
  });
});

Deno.test("ConfigStorage without a store keeps nothing and refuses nothing", async () => {
  const storage = new ConfigStorage(null);
  await storage.putConfig("a", {}, "STOPPED");
  assertEquals([storage.isKept, (await storage.load()).configs.size], [false, 0]);
});
