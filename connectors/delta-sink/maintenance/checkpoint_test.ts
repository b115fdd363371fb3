/**
 * Checkpoints against delta-rs, in both directions. Needs python3 with `deltalake`; without it the tests are ignored.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { committer, partition, range, share, TABLE } from "../committer/fixture.ts";
import { loadSnapshot } from "../delta/load.ts";
import { commitPath } from "../delta/log.ts";
import { LocalStorage } from "../storage/local.ts";
import { writeCheckpoint } from "./checkpoint.ts";

const ignore = (await python("import deltalake")) === null;

Deno.test({ name: "writeCheckpoint() is read by delta-rs without the commits before it", ignore }, async () => {
  const root = await Deno.makeTempDir();
  const storage = new LocalStorage(root);
  const c = committer(storage, { onCheckpointDue: () => {}, tableProperties: { "delta.appendOnly": "false" } });
  for (let i = 0; i < 6; i++) {
    const from = i === 0 ? "absent" as const : i;
    const path = `part-${i} ü%.parquet`;
    const file = { size: 10, rows: 1, stats: '{"numRecords":1}', modificationTimeMs: 5, partitionValues: {}, path };
    await c.commit(i, TABLE, [share([range(0, from, i + 1), range(7, from, i + 1)], { files: [file] })]);
  }
  await writeCheckpoint(storage, 4n, 0);
  for (let v = 0n; v < 4n; v++) await storage.delete(commitPath(v));
  const out = await python(
    "import sys,json; from deltalake import DeltaTable; t=DeltaTable(sys.argv[1]); " +
      "print(json.dumps([t.version(), sorted(f.split('/')[-1] for f in t.file_uris()), " +
      "t.transaction_version('sink/orders/AAAAAAAAAAAAAAAAAAAAAA/7'), t.metadata().configuration, " +
      "[f.name for f in t.schema().fields]]))",
    root,
  );
  const files = Array.from({ length: 6 }, (_, i) => `part-${i} ü%.parquet`);
  assertEquals(JSON.parse(out!), [5, files, 6, { "delta.appendOnly": "false" }, ["id"]]);
  await Deno.remove(root, { recursive: true });
});

Deno.test({ name: "loadSnapshot() reads a table and a checkpoint of delta-rs, and we extend it", ignore }, async () => {
  const root = await Deno.makeTempDir();
  const script = `
import sys
from deltalake import DeltaTable, write_deltalake, CommitProperties, Transaction
import duckdb
for i in range(4):
    rows = duckdb.sql(f"select {i}::bigint id, 'x' as part")
    txn = Transaction("sink/orders/AAAAAAAAAAAAAAAAAAAAAA/0", 9007199254740993 + i)
    write_deltalake(sys.argv[1], rows, mode="append" if i < 3 else "overwrite", partition_by=["part"],
        commit_properties=CommitProperties(app_transactions=[txn]))
DeltaTable(sys.argv[1]).create_checkpoint()
`;
  if ((await python(script, root)) === null) throw new Error("delta-rs could not write the table");
  const storage = new LocalStorage(root);
  for (let v = 0n; v < 3n; v++) await storage.delete(commitPath(v));
  const snapshot = (await loadSnapshot(storage, { files: true }))!;
  assertEquals([snapshot.version, snapshot.checkpointVersion], [3n, 3n]);
  const { adds, removes } = snapshot.files!;
  assertEquals([[...adds.values()].map((add) => add.partitionValues), removes.size], [[{ part: "x" }], 3]);
  assertEquals([...snapshot.txns.values()], [9007199254740996n]);
  const c = committer(storage);
  const [at] = await c.committedOffsets([partition(0)]);
  const next = { ...range(0, 0, 0), from: at.offset, to: at.offset + 5n };
  const outcomes = await c.commit(1, TABLE, [share([next], { schema: null, files: [] })]);
  assertEquals(outcomes, [{ kind: "committed", version: 4n }]);
  const out = await python(
    "import sys; from deltalake import DeltaTable; t=DeltaTable(sys.argv[1]); " +
      "print(t.version(), t.transaction_version('sink/orders/AAAAAAAAAAAAAAAAAAAAAA/0'))",
    root,
  );
  assertEquals(out?.trim(), "4 9007199254741001");
  await Deno.remove(root, { recursive: true });
});

/** What python prints, or null where it fails. */
async function python(script: string, ...args: string[]): Promise<string | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command("python3", { args: ["-c", script, ...args] }).output();
    if (!success) console.error(new TextDecoder().decode(stderr).slice(-1500));
    return success ? new TextDecoder().decode(stdout) : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
