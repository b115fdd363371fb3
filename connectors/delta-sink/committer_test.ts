import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FatalError, type Offsets, type Share } from "../../mod.ts";
import { committer, fakeClock, LossyStorage, partition, range, schema, share, TABLE } from "./committer/fixture.ts";
import { loadSnapshot, readCommit } from "./delta/load.ts";
import { commitPath } from "./delta/log.ts";
import type { DeltaStaged } from "./staged.ts";
import { LocalStorage } from "./storage/local.ts";
import { MemoryStorage } from "./storage/memory.ts";
import type { Storage } from "./storage/storage.ts";

type Outcome = Awaited<ReturnType<ReturnType<typeof committer>["commit"]>>[number];

function brief(outcome: Outcome): string {
  if (outcome.kind === "committed") return `v${outcome.version}`;
  if (outcome.kind === "failed") return `failed ${outcome.why}`;
  return `stale ${outcome.why} ${offsets(outcome.actual)}`.trim();
}

function offsets(at: Offsets): string {
  return at.map((o) => `${o.partition}@${o.offset}`).join(" ");
}

async function commitTo(c: ReturnType<typeof committer>, ...shares: Share<DeltaStaged>[]): Promise<string[]> {
  return (await c.commit(1, TABLE, shares)).map(brief);
}

async function filesOf(storage: Storage): Promise<string[]> {
  return [...(await loadSnapshot(storage, { files: true }))!.files!.adds.keys()].sort();
}

Deno.test("commit() creates the table, and puts data and offsets in one version", async () => {
  const storage = new MemoryStorage();
  const c = committer(storage, { tableProperties: { "delta.appendOnly": "true" } });
  assertEquals(await commitTo(c, share([range(0, "absent", 40)]), share([range(1, "absent", 7)])), ["v0", "v0"]);
  assertEquals(await commitTo(c, share([range(0, 40, 9007199254740)])), ["v1"]);
  const actions = (await readCommit(storage, 0n))!;
  assertEquals(actions.map((action) => Object.keys(action)[0]), [
    "commitInfo",
    "protocol",
    "metaData",
    "txn",
    "txn",
    "add",
    "add",
  ]);
  assertEquals(actions[1].protocol, { minReaderVersion: 1, minWriterVersion: 2 });
  assertEquals(actions[2].metaData?.configuration, { "delta.appendOnly": "true" });
  const info = actions[0].commitInfo!;
  assertEquals([info.operation, info.isBlindAppend, (info.tags as Record<string, string>).validThrough], [
    "STREAMING UPDATE",
    true,
    "2023-11-14T22:13:20.000Z",
  ]);
  assertEquals(offsets(await c.committedOffsets([partition(0), partition(1), partition(2)])), "0@9007199254740 1@7");
});

Deno.test("commit() decides each share whole: stale ones never block the others", async () => {
  const storage = new MemoryStorage();
  const c = committer(storage);
  await commitTo(c, share([range(0, "absent", 100), range(1, "absent", 100)]));
  const outcomes = await commitTo(
    c,
    share([range(0, 100, 120), range(1, 90, 120)]), // one of two is off
    share([range(2, 0, 10)]), // absent is not 0
    share([range(1, "absent", 120)]), // nor is 100 absent
    share([range(0, 100, 110)]),
    share([range(0, 110, 130)]), // chains on the one before
    share([range(1, 120, 130)]), // chains on a stale one
  );
  assertEquals(outcomes, [
    "stale offsets 0@100 1@100",
    "stale offsets",
    "stale offsets 1@100",
    "v1",
    "v1",
    "stale offsets 1@100",
  ]);
  const txns = (await readCommit(storage, 1n))!.flatMap(({ txn }) => txn ? [txn.version] : []);
  assertEquals(txns, [130n]); // one txn a partition, at the last end
});

Deno.test("commit() pursues a lost reply, and knows its own version", async () => {
  for (const fates of [["lost reply"], ["lost request"], ["lost request", "lost reply", "lost request"]] as const) {
    const storage = new LossyStorage();
    storage.fates.push(...fates);
    const c = committer(storage);
    assertEquals(await commitTo(c, share([range(0, "absent", 40)])), ["v0"]);
    assertEquals(await commitTo(c, share([range(0, 40, 80)])), ["v1"]);
    assertEquals((await storage.list("_delta_log")).length, 2);
  }
});

Deno.test("commit() gives up an unanswered put in the end, and settles it before anything else", async () => {
  const storage = new LossyStorage();
  const c = committer(storage, { putTimeoutMs: 1000 });
  const first = share([range(0, "absent", 40)]);
  storage.fates.push(...Array<"lost request">(1000).fill("lost request"));
  await assertRejects(() => commitTo(c, first), FatalError, "No file was deleted");
  storage.fates.length = 0;
  assertEquals(await commitTo(c, first, share([range(0, 40, 50)])), ["v0", "v1"]);
});

Deno.test("commit() finds a share that an earlier attempt committed, also when the table went on", async () => {
  const storage = new MemoryStorage();
  const [first, second] = [share([range(0, "absent", 40)]), share([range(0, 40, 80)])];
  await commitTo(committer(storage), first);
  assertEquals(await commitTo(committer(storage), first), ["v0"]);
  await commitTo(committer(storage), second);
  assertEquals(await commitTo(committer(storage), first, second, second), ["v0", "v1", "v1"]);
  const rival = share([range(0, "absent", 40)]);
  assertEquals(await commitTo(committer(storage), rival), ["stale offsets 0@80"]);
  assertEquals((await filesOf(storage)).length, 2);
});

Deno.test("commit() finds such a share by its files where the log was cleaned up", async () => {
  const storage = new MemoryStorage();
  const first = share([range(0, "absent", 1)]);
  const c = committer(storage);
  await commitTo(c, first);
  for (let i = 1; i < 12; i++) await commitTo(c, share([range(0, i, i + 1)]));
  await c.stop();
  for (let v = 0n; v < 10n; v++) await storage.delete(commitPath(v));
  assertEquals(await commitTo(committer(storage), first), ["v11"]);
  assertEquals(await commitTo(committer(storage), share([range(0, "absent", 1)])), ["stale offsets 0@12"]);
});

Deno.test("commit() checks the offsets again against the version that another writer won", async () => {
  const storage = new LossyStorage();
  const ours = committer(storage);
  await commitTo(ours, share([range(0, "absent", 10), range(1, "absent", 10)]));
  storage.before = async () => {
    await commitTo(committer(storage), share([range(0, 10, 20)]));
  };
  assertEquals(await commitTo(ours, share([range(0, 10, 30)]), share([range(1, 10, 30)])), [
    "stale offsets 0@20",
    "v2",
  ]);
});

Deno.test("commit() has one winner for each range, however many committers race", async () => {
  const root = await Deno.makeTempDir();
  for (const storage of [new MemoryStorage(), new LossyStorage(), new LocalStorage(`${root}/t`)]) {
    if (storage instanceof LossyStorage) {
      storage.fates.push(
        ...Array.from({ length: 60 }, (_, i) => (["answered", "lost reply", "lost request"] as const)[i % 3]),
      );
    }
    const committed = new Set<string>();
    const racers = Array.from({ length: 6 }, async (_, racer) => {
      const c = committer(storage);
      for (let at = 0n; at < 60n;) {
        const [now] = await c.committedOffsets([partition(0)]);
        at = now?.offset ?? 0n;
        const from = now ? Number(at) : "absent" as const;
        const first = share([range(0, from, Number(at) + 3)]);
        const second = share([range(0, Number(at) + 3, Number(at) + 4 + racer)]);
        for (const [i, outcome] of (await c.commit(1, TABLE, [first, second])).entries()) {
          if (outcome.kind === "committed") committed.add([first, second][i].staged.files[0].path);
        }
      }
      await c.stop();
    });
    await Promise.all(racers);
    const snapshot = (await loadSnapshot(storage, { files: true }))!;
    assertEquals([...snapshot.files!.adds.keys()].sort(), [...committed].sort());
    await assertChained(storage, snapshot.version);
  }
  await Deno.remove(root, { recursive: true });
});

/** Every version begins where the one before it ended. */
async function assertChained(storage: Storage, last: bigint): Promise<void> {
  let at = "0";
  for (let version = 0n; version <= last; version++) {
    const info = (await readCommit(storage, version))!.find(({ commitInfo }) => commitInfo)!.commitInfo!;
    const [from, to] = JSON.parse(info.userMetadata as string).offsets["orders/0"];
    assertEquals(from, at);
    at = to;
  }
}

Deno.test("commit() adds columns where it may, and the lowest partition's proposal wins", async () => {
  const storage = new MemoryStorage();
  const c = committer(storage, { schemaEvolution: () => "add" });
  await commitTo(c, share([range(0, "absent", 1), range(1, "absent", 1), range(2, "absent", 1)]));
  const outcomes = await commitTo(
    c,
    share([range(2, 1, 2)], { schema: schema({ id: "long", b: "string" }) }),
    share([range(1, 1, 2)], { schema: schema({ id: "long", a: "string" }) }),
    share([range(0, 1, 2)], { schema: schema({ id: "long", a: "double" }) }),
    share([range(1, 2, 3)]), // fits, but chains on the one that conflicts
  );
  assertEquals(outcomes, ["v1", "stale schema 1@1", "v1", "stale offsets 1@1"]);
  const fields = JSON.parse((await loadSnapshot(storage))!.metadata.schemaString).fields;
  assertEquals(fields.map((f: { name: string; type: string }) => `${f.name} ${f.type}`), [
    "id long",
    "a double",
    "b string",
  ]);
});

Deno.test("commit() refuses new columns under evolution none, and rows of other partition columns", async () => {
  const storage = new MemoryStorage();
  const c = committer(storage);
  await commitTo(c, share([range(0, "absent", 1)]));
  const wider = { schema: schema({ id: "long", a: "string" }) };
  assertEquals(await commitTo(c, share([range(0, 1, 2)], wider)), ["stale schema 0@1"]);
  assertEquals(await commitTo(c, share([range(0, 1, 2)], { schema: schema({ id: "string" }) })), ["stale schema 0@1"]);
  const partitioned = share([range(0, 1, 2)], { partitionColumns: ["id"] });
  await assertRejects(() => commitTo(c, partitioned), FatalError, "its partition columns are []");
});

Deno.test("commit() keeps offsets without rows, and takes the columns from the first rows", async () => {
  const storage = new MemoryStorage();
  const c = committer(storage);
  const empty = { schema: null, files: [] };
  assertEquals(await commitTo(c, share([range(0, "absent", 5)], empty)), ["v0"]);
  await c.initialize([{ ...partition(0), offset: 99n }, { ...partition(1), offset: 7n }]);
  assertEquals(offsets(await c.committedOffsets([partition(0), partition(1)])), "0@5 1@7");
  const ntz = { schema: schema({ id: "long", t: "timestamp_ntz" }), partitionColumns: ["id"] };
  assertEquals(await commitTo(c, share([range(0, 5, 9)], ntz), share([range(1, 7, 8)], empty)), ["v2", "v2"]);
  const { metadata, protocol } = (await loadSnapshot(storage))!;
  assertEquals(metadata.partitionColumns, ["id"]);
  assertEquals(protocol.readerFeatures, ["timestampNtz"]);
  assertEquals(protocol.writerFeatures, ["appendOnly", "invariants", "timestampNtz"]);
});

Deno.test("commit() raises an existing table's protocol only where that is allowed", async () => {
  const storage = new MemoryStorage();
  const add = { schemaEvolution: () => "add" as const };
  await commitTo(committer(storage), share([range(0, "absent", 1)]));
  const ntz = share([range(0, 1, 2)], { schema: schema({ t: "timestamp_ntz" }) });
  await assertRejects(() => commitTo(committer(storage, add), ntz), FatalError, "allow.protocol.upgrade");
  assertEquals(await commitTo(committer(storage, { ...add, allowProtocolUpgrade: true }), ntz), ["v1"]);
});

Deno.test("commit() looks up the files of a share that another process staged: who resumes its plan names none that are gone", async () => {
  const storage = new MemoryStorage();
  const clock = fakeClock();
  clock.ms = 1_000;
  const c = committer(storage, { clock });
  const [gone, there] = [999, 1_000].map((preparedAtMs, p) => share([range(p, "absent", 1)], { preparedAtMs }));
  assertEquals(await commitTo(c, gone, there), ["stale files", "v0"]);
});

Deno.test("commit() looks up the files of an old share", async () => {
  const storage = new MemoryStorage();
  const clock = fakeClock();
  const c = committer(storage, { clock });
  clock.ms = 4_000_000;
  const [gone, there] = [share([range(0, "absent", 1)]), share([range(1, "absent", 1)])];
  await storage.put(there.staged.files[0].path, new Uint8Array(1));
  assertEquals(await commitTo(c, gone, there), ["stale files", "v0"]);
});

Deno.test("commit() stops for a table that is missing, replaced, deleted or not ours to write", async () => {
  const storage = new MemoryStorage();
  const late = share([range(0, "absent", 1)]);
  await assertRejects(
    () => commitTo(committer(storage, { autoCreateTable: false }), late),
    FatalError,
    "auto.create.table",
  );
  const c = committer(storage);
  await commitTo(c, late);
  const objects = new Map(storage.objects);
  storage.objects.clear();
  await assertRejects(() => commitTo(c, share([range(0, 1, 2)])), FatalError, "it was deleted");
  await commitTo(committer(storage), share([range(0, "absent", 1)]), share([range(0, 1, 2)]));
  const again = committer(storage);
  await commitTo(again, share([range(0, 2, 3)]));
  storage.objects.clear();
  for (const [path, object] of objects) storage.objects.set(path, object);
  await assertRejects(() => commitTo(again, share([range(0, 3, 4)])), FatalError, "replaced by another");
  const properties = { "delta.setTransactionRetentionDuration": "interval 7 days" };
  const error = await assertRejects(
    () => commitTo(committer(new MemoryStorage(), { tableProperties: properties }), late),
    FatalError,
  );
  assertStringIncludes(error.message, "unset it");
});

Deno.test("committedOffsets() refuses another app id and a re-created topic, and obeys the choice", async () => {
  const storage = new MemoryStorage();
  const other = "BBBBBBBBBBBBBBBBBBBBBB";
  await commitTo(committer(storage), share([range(0, "absent", 5)]));
  const at = (c: ReturnType<typeof committer>, topicId?: string) => c.committedOffsets([partition(0, topicId)]);
  await assertRejects(() => at(committer(storage, { appId: "b" })), FatalError, 'Set app.id to "sink"');
  assertEquals(await at(committer(storage, { appId: "b", othersAllowed: true })), []);
  await assertRejects(() => at(committer(storage), other), FatalError, "topic.recreated");
  assertEquals(await at(committer(storage, { topicRecreated: "restart" }), other), []);
  const c = committer(storage, { topicRecreated: "continue" });
  assertEquals(offsets(await at(c, other)), "0@5");
  assertEquals(await commitTo(c, share([range(0, 5, 8, other)])), ["v1"]);
  assertEquals(offsets(await at(committer(storage), other)), "0@8");
});

Deno.test("the faults of the committer break what they leave out", async () => {
  const storage = new LossyStorage();
  await commitTo(committer(storage, { faults: { omitOffsets: true } }), share([range(0, "absent", 5)]));
  assertEquals(await committer(storage).committedOffsets([partition(0)]), []);
  const doubled = committer(storage, { faults: { skipStaleCheck: true } });
  assertEquals(await commitTo(doubled, share([range(0, 3, 5)])), ["v1"]);
  storage.fates.push("lost reply");
  const blind = committer(storage, { faults: { skipTxnIdCheck: true } });
  assertEquals(await commitTo(blind, share([range(0, 5, 6)])), ["stale offsets 0@6"]);
});

Deno.test("a commit that is due for a checkpoint gets one, and readers need nothing before it", async () => {
  const root = await Deno.makeTempDir();
  for (const storage of [new MemoryStorage(), new LocalStorage(`${root}/t`)]) {
    const c = committer(storage, { tableProperties: { "delta.checkpointInterval": "4" } });
    for (let i = 0; i < 10; i++) await commitTo(c, share([range(0, i === 0 ? "absent" : i, i + 1)]));
    await c.stop();
    assert(await storage.head("_delta_log/00000000000000000008.checkpoint.parquet"));
    for (let v = 0n; v < 8n; v++) await storage.delete(commitPath(v));
    assertEquals((await filesOf(storage)).length, 10);
    assertEquals(await commitTo(committer(storage), share([range(0, 10, 11)])), ["v10"]);
  }
  await Deno.remove(root, { recursive: true });
});

Deno.test("a checkpoint that fails fails no commit", async () => {
  const storage = new LossyStorage();
  const failed: bigint[] = [];
  const c = committer(storage, {
    tableProperties: { "delta.checkpointInterval": "1" },
    onCheckpointFailed: (_table, version) => failed.push(version),
  });
  await commitTo(c, share([range(0, "absent", 1)]));
  storage.fates.push("answered", "lost request");
  assertEquals(await commitTo(c, share([range(0, 1, 2)])), ["v1"]);
  await c.stop();
  assertEquals(failed, [1n]);
});

Deno.test("a table that was deleted and created again while its topic was set aside gets checkpoints as a new one does", async () => {
  const storage = new MemoryStorage();
  const due: bigint[] = [];
  const c = committer(storage, {
    tableProperties: { "delta.checkpointInterval": "4" },
    onCheckpointDue: (_table, version) => void due.push(version),
  });
  const five = async () => {
    for (let i = 0; i < 5; i++) await commitTo(c, share([range(0, i === 0 ? "absent" : i, i + 1)]));
  };
  await five();
  for (const { path } of await storage.list("")) await storage.delete(path);
  await assertRejects(() => c.committedOffsets([partition(0)]), FatalError, "it was deleted");
  await five();
  assertEquals(due, [4n, 4n]);
});
