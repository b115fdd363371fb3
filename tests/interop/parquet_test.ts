/**
 * Our data files as others read them (pyarrow, DuckDB), against hyparquet-writer's files of the same rows; and how large
 * they are next to pyarrow's: `deno test -A tests/interop/parquet_test.ts` prints the ratios.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { libraryFile } from "../../connectors/delta-sink/parquet/library_file.ts";
import { createParquetFile } from "../../connectors/delta-sink/parquet/parquet_file.ts";
import { bytesOf } from "../../connectors/delta-sink/parquet/test_support.ts";
import { VARIED, variedBatches } from "../../connectors/delta-sink/parquet/varied_columns.ts";
import { runPython } from "../support/python.ts";

const READ = `
import sys, json, os, io, duckdb, pyarrow.parquet as pq
folder, names = sys.argv[1], sys.argv[2].split(",")
out = {}
for name in names:
    ours, theirs = f"{folder}/{name}.parquet", f"{folder}/{name}.library.parquet"
    table = pq.read_table(ours)
    table.validate(full=True)
    same = table.equals(pq.read_table(theirs))
    text = lambda path: duckdb.execute(f"select md5(string_agg(coalesce(c::varchar, '<null>'), chr(10) order by i)) "
        f'''from (select "{name}" as c, file_row_number as i from read_parquet('{path}', file_row_number = true))''').fetchone()[0]
    written = io.BytesIO()
    pq.write_table(table, written, compression="zstd")
    out[name] = {"pyarrow": same, "duckdb": text(ours) == text(theirs), "ratio": os.path.getsize(ours) / len(written.getvalue())}
# Readers that skip by statistics find what there is to find.
flat = f"{folder}/filtered.parquet"
import pyarrow.compute as pc
whole = pq.read_table(flat)
wanted = whole.column("id")[40000].as_py()
out["filtered"] = [
    pq.read_table(flat, filters=[("id", "=", wanted)]).num_rows,
    duckdb.execute(f"select count(*) from '{flat}' where id = {wanted}").fetchone()[0],
    pq.read_table(flat, filters=[("device", "=", "device-7")]).num_rows
      == duckdb.execute(f"select count(*) from '{flat}' where device = 'device-7'").fetchone()[0]
      == whole.filter(pc.equal(whole.column("device"), "device-7")).num_rows,
]
print(json.dumps(out))
`;

Deno.test("pyarrow and DuckDB read columns of any distribution as they were written, and files are as small as pyarrow's", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const names = Object.keys(VARIED);
    const write = (columns: string[], path: string, rowGroupBytesMax: number) => {
      const batches = variedBatches(columns, 45_000, 9000);
      const file = createParquetFile({ schema: batches[0].schema, codec: "zstd", rowGroupBytesMax });
      const bytes = bytesOf([...batches.flatMap((batch) => file.append(batch)), ...file.finish()]);
      Deno.writeFileSync(`${folder}/${path}.parquet`, bytes);
      return batches;
    };
    for (const name of names) {
      const batches = write([name], name, 64 * 1024 * 1024);
      Deno.writeFileSync(`${folder}/${name}.library.parquet`, libraryFile(batches));
    }
    write(["id", "device", "amount"], "filtered", 1_000_000);
    const { filtered, ...columns } = JSON.parse(await runPython(READ, folder, names.join()));
    const read = Object.entries(columns as Record<string, { pyarrow: boolean; duckdb: boolean; ratio: number }>);
    assertEquals(read.filter(([, { pyarrow, duckdb }]) => !pyarrow || !duckdb), []);
    assertEquals(filtered, [1, 1, true]);
    console.log(read.map(([name, { ratio }]) => `${name} ${ratio.toFixed(3)}`).join(", "));
    // A file of some hundred bytes may be larger than another; of nested columns, levels compress a little worse.
    const large = read.filter(([name, { ratio }]) => ratio > 1.1 && !["none", "runs"].includes(name));
    assertEquals(large, []);
    const mean = read.reduce((sum, [, { ratio }]) => sum + ratio, 0) / read.length;
    assert(mean < 1, `files are ${mean} of pyarrow's size`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
