import { assertEquals } from "@std/assert";
import { Scratch } from "../integration/program.ts";
import { makeTopic } from "../integration/support.ts";
import { json, produce } from "../integration/topics.ts";
import { assertRows, readDeltaRs, readDuckDb } from "../support/tables.ts";

const row = (id: number) => ({ id, name: `sluice ${id}`, n: id + 0.5 });

/** The rows as delta-rs and DuckDB must both show them. */
async function assertBoth(table: string, ids: readonly number[]): Promise<void> {
  const wanted = ids.map((id) => ({ id: String(id), name: `sluice ${id}`, n: id + 0.5 }));
  assertRows((await readDeltaRs(table)).rows, wanted, "id");
  assertRows(await readDuckDb(table), wanted, "id");
}

Deno.test("checkpoints of ours are what delta-rs and DuckDB read when the commits before them are gone", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  const table = scratch.table(topic);
  const config = await scratch.config({ topics: [topic], "table.properties": { "delta.checkpointInterval": "2" } });
  const ids: number[] = [];
  for (let id = 1; id <= 5; id++) {
    ids.push(id);
    await produce(scratch.bootstrap, topic, [json(row(id))]);
    await scratch.drain(config);
  }
  const log = `${table}/_delta_log`;
  const names = [...Deno.readDirSync(log)].map(({ name }) => name).sort();
  const newest = names.filter((name) => name.endsWith(".checkpoint.parquet")).at(-1)!;
  assertEquals(newest, "00000000000000000004.checkpoint.parquet");
  for (const name of names) {
    if (name.endsWith(".json") && name !== "_last_checkpoint" && name < newest) await Deno.remove(`${log}/${name}`);
  }

  await assertBoth(table, ids);
  await produce(scratch.bootstrap, topic, [json(row(6))]);
  assertEquals((await scratch.drain(config)).rows, 1, "the offsets are in the checkpoint too");
  await assertBoth(table, [...ids, 6]);
});
