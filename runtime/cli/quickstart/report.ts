/**
 * What the quickstart shows at its end.
 *
 * @module
 */
import type { ConnectorResult } from "../../run_result.ts";
import { exportsOf } from "../services/object_store.ts";
import type { Services } from "../services/services.ts";
import type { StartFlags } from "../start.ts";
import type { StorageAccess, TableTools } from "../table_tools.ts";

const SAMPLE_ROWS = 3;
const KEPT_CONFIG = "./data/quickstart.yaml";

/** Prints tables, sample rows, rejects, the rate, and what to type next. */
export async function printResult(
  results: readonly ConnectorResult[],
  { services, flags: { keep, set }, config, tables: tools, storage }: {
    services: Services;
    flags: StartFlags;
    config: string;
    tables: TableTools;
    /** How to reach the tables. */
    storage: StorageAccess;
  },
): Promise<void> {
  const out = (line = "") => console.log(line);
  const tables = results.flatMap((result) => result.tables).sort((a, b) => a.table < b.table ? -1 : 1);
  for (const { table } of tables) {
    const seen = await tools.inspectTable(table, storage);
    if (!seen) continue;
    out();
    out(`${table}  version ${seen.version}, ${seen.rows} rows, ${seen.files} files, ${seen.bytes} bytes`);
    for (const row of await tools.sampleRows(table, SAMPLE_ROWS, storage)) out(`  ${JSON.stringify(row, plain)}`);
  }
  const rejects = results.flatMap((result) => result.rejects);
  out();
  out(`rejected: ${rejects.reduce((sum, { count }) => sum + count, 0)} records, on the topic quickstart-dlq`);
  for (const { stage, reason, count } of rejects) out(`  ${String(count).padStart(4)}  ${stage}: ${reason}`);
  const records = results.reduce((sum, result) => sum + result.records, 0);
  const seconds = Math.max(...results.map((result) => result.seconds));
  out();
  out(`${records} records in ${seconds} s, ${Math.round(records / seconds)} records/s, starting and stopping included`);
  out();
  out("Next:");
  if (services.objectStore && !keep) out("  (the tables go with the object store: --keep keeps both)");
  else {
    out(`  deno task table inspect ${tables[0]?.table}        # version, offsets, last commits`);
    out(`  python3 -c 'import deltalake; print(deltalake.DeltaTable("${tables[0]?.table}").to_pandas())'`);
    if (/^s3a?:/.test(tables[0]?.table ?? "")) {
      out(`  (after ${services.objectStore ? exportsOf(services.objectStore) : "exporting your AWS_... variables"})`);
    }
  }
  if (!keep) {
    out("  deno task start --connector delta-sink --keep     # the same, and Kafka and the registry stay up");
    return;
  }
  await Deno.mkdir("./data", { recursive: true });
  await Deno.writeTextFile(KEPT_CONFIG, config);
  const sets = set.map((each) => ` --set '${each}'`).join("");
  out(`  deno task start --connector delta-sink --config ${KEPT_CONFIG}${sets}   # go on ingesting, until Ctrl-C`);
  out(
    `  deno task dlq groups --config ${KEPT_CONFIG}${sets}   # the rejected records, and which of them would pass now`,
  );
  out(`Kafka stays up on ${services.bootstrap}, the registry on ${services.registryUrl}; the next quickstart, or`);
  out("  deno task services down --instance quickstart     # ends them");
}

/** Bigints and bytes as JSON can show them. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value instanceof Uint8Array ? `${value.length} bytes` : value;
}
