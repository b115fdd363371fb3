import { assertEquals } from "@std/assert";
import { Scratch } from "../integration/program.ts";
import { makeTopic, objectStore } from "../integration/support.ts";
import { json, produce } from "../integration/topics.ts";
import { assertRows, readDeltaRs, readDuckDb } from "../support/tables.ts";

const row = (id: number) => ({ id, name: `sluice ${id}`, n: id + 0.5 });

/** The rows as delta-rs and DuckDB must both show them. */
async function assertBoth(scratch: Scratch, topic: string, ids: readonly number[]): Promise<void> {
  const wanted = ids.map((id) => ({ id: String(id), name: `sluice ${id}`, n: id + 0.5 }));
  assertRows((await readDeltaRs(scratch.table(topic), [], scratch.store)).rows, wanted, "id");
  assertRows(await readDuckDb(scratch.table(topic), scratch.store), wanted, "id");
}

const PLACES = [{ where: "on local files", store: null }, { where: "on S3", store: await objectStore() }];

for (const { where, store } of PLACES) {
  Deno.test(`checkpoints of ours ${where} are what delta-rs and DuckDB read when the commits before are gone`, async () => {
    await using scratch = await Scratch.make(null, store);
    const topic = await makeTopic(scratch.bootstrap, 1);
    const config = await scratch.config({ topics: [topic], "table.properties": { "delta.checkpointInterval": "2" } });
    const ids: number[] = [];
    for (let id = 1; id <= 5; id++) {
      ids.push(id);
      await produce(scratch.bootstrap, topic, [json(row(id))]);
      await scratch.drain(config);
    }
    const storage = scratch.storage(topic);
    const names = (await storage.list("_delta_log")).map(({ path }) => path);
    const newest = names.filter((name) => name.endsWith(".checkpoint.parquet")).at(-1)!;
    assertEquals(newest, "_delta_log/00000000000000000004.checkpoint.parquet");
    for (const name of names) {
      if (name.endsWith(".json") && name < newest) await storage.delete(name);
    }

    await assertBoth(scratch, topic, ids);
    await produce(scratch.bootstrap, topic, [json(row(6))]);
    assertEquals((await scratch.drain(config)).rows, 1, "the offsets are in the checkpoint too");
    await assertBoth(scratch, topic, [...ids, 6]);
  });
}
