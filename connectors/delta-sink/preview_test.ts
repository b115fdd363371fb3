import { assertEquals, assertRejects } from "@std/assert";
import { Schema } from "apache-arrow";
import { type Config, type DataError, replayTopic, SinkBatch, type SinkTaskContext, slabOf, types } from "../../mod.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { collectingLog } from "../../tests/support/log.ts";
import { committer, range, share, TABLE, TOPIC_ID } from "./committer/fixture.ts";
import { deltaSinkOptions, type DeltaSinkValues } from "./config.ts";
import { batchOf } from "./parquet/test_support.ts";
import { DeltaPreviewTask } from "./preview.ts";
import { droppingStorage } from "./storage/dropping.ts";
import { MemoryStorage } from "./storage/memory.ts";
import { DeltaSinkTask } from "./task.ts";

const { field } = types;
const PARTITION = { topic: "orders", topicId: TOPIC_ID, partition: 0 };

/** Rows from an offset on. */
function batch(schema: Schema, from: number, rows: unknown[][]): SinkBatch {
  const raw = slabOf(rows.map(() => ({ value: "" })), { from: BigInt(from) });
  const indices = Int32Array.from(rows.keys());
  return new SinkBatch(batchOf(schema, rows), { raw, rows: indices }, BigInt(from), BigInt(from + rows.length));
}

function setup(over: Partial<DeltaSinkValues>) {
  const declared = Object.entries(deltaSinkOptions).map(([key, { default: value }]) => [key, value]);
  const values = { ...Object.fromEntries(declared), "table.uri": TABLE, ...over } as unknown as DeltaSinkValues;
  const config: Config<typeof deltaSinkOptions> = { values, forTopic: () => values };
  const storage = new MemoryStorage({ uri: TABLE });
  const rejected: string[] = [];
  let ids = 0;
  const context = {
    connector: "c",
    task: 0,
    clock: new FakeClock(),
    log: collectingLog(),
    memoryBytes: 1 << 24,
    uuid: () => `id-${++ids}`,
    random: () => 0.5,
    retry: (_what: string, work: () => Promise<unknown>) => work(),
    reject: (of: SinkBatch, row: number, { details }: DataError) =>
      rejected.push(`${of.offset(row)} ${details.reason}`),
    requestCommit: () => {},
  } as unknown as SinkTaskContext;
  const preview = new DeltaPreviewTask(config, context, () => storage);
  return { storage, rejected, preview, real: () => new DeltaSinkTask(config, context, () => storage) };
}

const V1 = new Schema([field("day", types.utf8()), field("n", types.int32())]);
const V2 = new Schema([...V1.fields, field("more", types.utf8())]);

Deno.test("DeltaPreviewTask tells columns, partitions and sizes of a table that would be made, and writes nothing", async () => {
  const { storage, preview, rejected } = setup({ "partition.by": ["day"] });
  await preview.open([PARTITION], []);
  await preview.put(batch(V1, 0, [["a", 1], ["b", 2]]));
  await preview.preCommit();
  await preview.put(batch(V1, 2, [["a", 3]]));
  const [seen] = await preview.preview();
  assertEquals([seen.table, seen.topic, seen.before, seen.refused], [TABLE, "orders", null, null]);
  assertEquals(seen.after?.fields.map(({ name }) => name), ["n", "day"].toSorted());
  assertEquals(seen.added.toSorted(), ["day", "n"]);
  assertEquals(seen.partitions.map(({ values, rows, files }) => [values.day, rows, files]), [["a", 2, 2], ["b", 1, 1]]);
  assertEquals(seen.partitions.every(({ bytes }) => bytes > 0), true);
  assertEquals([rejected, storage.objects.size], [[], 0]);
});

Deno.test("DeltaPreviewTask rejects and adds as the real task does, against the table as it is", async () => {
  for (const evolution of ["none", "add"] as const) {
    const { storage, preview, rejected, real } = setup({ "schema.evolution": evolution });
    const task = real();
    await task.open([PARTITION], []);
    await task.put(batch(V1, 0, [["a", 1]]));
    const shares = await task.preCommit();
    await committer(storage).commit(1, TABLE, shares);
    const objects = [...storage.objects.keys()];
    await preview.open([PARTITION], [{ ...PARTITION, offset: 1n }]);
    await preview.put(batch(V1, 1, [["b", 2]]));
    await preview.put(batch(V2, 2, [["b", 2, "x"]]));
    const [seen] = await preview.preview();
    assertEquals(seen.before?.fields.length, 2);
    assertEquals(seen.added, evolution === "add" ? ["more"] : []);
    assertEquals(rejected.length, evolution === "add" ? 0 : 1);
    assertEquals([...storage.objects.keys()], objects);
  }
});

Deno.test("DeltaPreviewTask says why a commit would be refused", async () => {
  const { preview } = setup({ "auto.create.table": false });
  await preview.open([PARTITION], []);
  await preview.put(batch(V1, 0, [["a", 1]]));
  const [seen] = await preview.preview();
  assertEquals(seen.refused?.includes("auto.create.table is false"), true);
});

Deno.test("droppingStorage() has no way to put a commit", async () => {
  const storage = droppingStorage(new MemoryStorage());
  await assertRejects(async () => await storage.putIfAbsent("_delta_log/0.json", new Uint8Array()), Error, "preview");
});

Deno.test("a run over dead letters has offsets of its own in the table, and says nothing of how far the connector is", async () => {
  const storage = new MemoryStorage({ uri: TABLE });
  const commit = committer(storage);
  const validThrough = async (version: number) => {
    const bytes = await storage.get(`_delta_log/${String(version).padStart(20, "0")}.json`);
    const { commitInfo } = JSON.parse(new TextDecoder().decode(bytes!).split("\n")[0]);
    return commitInfo.tags.validThrough;
  };
  const replayed = share([{
    topic: replayTopic("orders", "run"),
    topicId: "dlq",
    partition: 0,
    from: 0n,
    to: 9n,
    fromAbsent: true,
  }]);
  assertEquals((await commit.commit(0, TABLE, [share([range(0, "absent", 5)])]))[0].kind, "committed");
  assertEquals((await commit.commit(0, TABLE, [replayed]))[0].kind, "committed");
  assertEquals((await commit.commit(0, TABLE, [share([range(0, 5, 9)])]))[0].kind, "committed");
  assertEquals(await validThrough(0), await validThrough(2));
  const again = committer(storage); // another process, which knows of no timestamp of the run
  assertEquals((await again.commit(0, TABLE, [share([range(0, 9, 12)])]))[0].kind, "committed");
  assertEquals(await validThrough(3), await validThrough(0));
  assertEquals(await again.committedOffsets([PARTITION]), [{ ...PARTITION, offset: 12n }]);
});
