/**
 * Tables that we and delta-rs write by turns, read by delta-rs and DuckDB: on local files and on S3.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Scratch } from "../integration/program.ts";
import { makeTopic, objectStore } from "../integration/support.ts";
import { json, produce } from "../integration/topics.ts";
import { awsEnvironment } from "../support/object_store.ts";
import { runPython } from "../support/python.ts";
import { assertRows, type PlainRow, readDeltaRs, readDuckDb } from "../support/tables.ts";

/** Appends rows with ids [from, to), as JSON values have them. */
const APPEND = `
import sys, json, pyarrow as pa, deltalake
uri, options, start, end = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
ids = list(range(start, end))
table = pa.table({
    "id": pa.array(ids, pa.int64()),
    "place": pa.array(["p%d" % (i % 3) for i in ids], pa.string()),
    "inner": pa.array([{"a": i, "b": ["x"] * (i % 3)} for i in ids], pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])),
})
deltalake.write_deltalake(uri, table, mode="append", partition_by=["place"], storage_options=options)
`;

/** Opens the table as `dt`. */
const OPEN = `
import sys, json, deltalake
dt = deltalake.DeltaTable(sys.argv[1], storage_options=json.loads(sys.argv[2]))
`;

const PLACES = [{ where: "on local files", store: null }, { where: "on S3", store: await objectStore() }];

const messages = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => from + i).map((id) =>
    json({ id, place: `p${id % 3}`, inner: { a: id, b: Array(id % 3).fill("x") } })
  );
const rows = (to: number): PlainRow[] =>
  Array.from({ length: to }, (_, id) => ({
    id: String(id),
    place: `p${id % 3}`,
    inner: { a: String(id), b: Array(id % 3).fill("x") },
  }));

for (const { where, store } of PLACES) {
  const options = JSON.stringify(store && awsEnvironment(store));
  Deno.test(`a table ${where} is extended by us, by delta-rs and by us again, over checkpoints of both`, async () => {
    await using scratch = await Scratch.make(null, store);
    const topic = await makeTopic(scratch.bootstrap, 1);
    const uri = scratch.table(topic);

    const config = await scratch.config({
      topics: [topic],
      "partition.by": ["place"],
      "table.properties": { "delta.checkpointInterval": "2" },
    });
    for (let from = 0; from < 60; from += 10) {
      if (from % 20 === 0) {
        await produce(scratch.bootstrap, topic, messages(from, from + 10));
        assertEquals((await scratch.drain(config)).rows, 10);
      } else await runPython(APPEND, uri, options, String(from), String(from + 10));
    }
    await assertAgree(scratch, topic, 60);
    const { version, offsets, commits } = await scratch.inspect(topic);
    assertEquals([version, offsets.length, offsets[0].offset], [5, 1, 30]);
    assertEquals(commits.length, 6);
    const checkpoints = (await scratch.storage(topic).list("_delta_log"))
      .filter(({ path }) => path.endsWith(".checkpoint.parquet"));
    assert(checkpoints.length > 0, "a checkpoint is there");

    await runPython(`${OPEN}dt.create_checkpoint()`, uri, options);
    await runPython(`${OPEN}dt.optimize.compact()`, uri, options);
    await produce(scratch.bootstrap, topic, messages(60, 70));
    assertEquals((await scratch.drain(config)).rows, 10, "offsets are found in a checkpoint of delta-rs");
    await assertAgree(scratch, topic, 70);
  });

  Deno.test(`a table ${where} that delta-rs created is ingested into by its schema`, async () => {
    await using scratch = await Scratch.make(null, store);
    const topic = await makeTopic(scratch.bootstrap, 2);
    const uri = scratch.table(topic);

    if (!store) await Deno.mkdir(uri, { recursive: true });
    await runPython(APPEND, uri, options, "0", "5");
    await produce(scratch.bootstrap, topic, messages(5, 25));
    const config = await scratch.config({ topics: [topic], "partition.by": ["place"], "auto.create.table": false });
    assertEquals((await scratch.drain(config)).rows, 20);
    await assertAgree(scratch, topic, 25);

    const other = await scratch.config({ topics: [topic], "auto.create.table": false });
    await produce(scratch.bootstrap, topic, messages(25, 26));
    const ended = await scratch.start(other, "--until-caught-up").end();
    assertEquals(ended.code, 1, "it is partitioned in another way");
    assert(ended.stderr.includes("partition"), ended.stderr);
  });
}

/** The rows of all readers, and what our inspection and delta-rs say of version, files and offsets. */
async function assertAgree(scratch: Scratch, topic: string, count: number): Promise<void> {
  const inspected = await scratch.inspect(topic);
  const appIds = inspected.offsets.map(({ appId, topic, topicId, partition }) =>
    `${appId}/${topic}/${topicId}/${partition}`
  );
  const [deltaRs, duckDb] = await Promise.all([
    readDeltaRs(scratch.table(topic), appIds, scratch.store),
    readDuckDb(scratch.table(topic), scratch.store),
  ]);
  assertRows(deltaRs.rows, rows(count), "id");
  assertRows(duckDb, rows(count), "id");
  const { version, rows: counted, files, offsets } = inspected;
  assertEquals([version, counted, files], [deltaRs.version, count, deltaRs.files]);
  assertEquals(offsets.map(({ offset }) => offset), appIds.map((id) => deltaRs.txns[id]));
}
