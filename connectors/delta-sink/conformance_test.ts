import type { Config } from "../../mod.ts";
import { connectorConformance } from "../../tests/conformance/connector.ts";
import { deltaSinkOptions, type DeltaSinkValues } from "./config.ts";
import { decodePath } from "./delta/actions.ts";
import { loadSnapshot } from "./delta/load.ts";
import { deltaSink } from "./mod.ts";
import { decodeRows } from "./parquet/rows.ts";
import { openStorage } from "./storage/open.ts";

let tables = 0;

/** Tables in memory, small files and partitions by choice. */
function conformance(name: string, over: Partial<DeltaSinkValues>): void {
  connectorConformance(name, () => {
    const uri = `memory://conformance-${++tables}/\${topic}`;
    const declared = Object.entries(deltaSinkOptions).map(([key, { default: value }]) => [key, value]);
    const values = { ...Object.fromEntries(declared), "table.uri": uri, ...over } as DeltaSinkValues;
    const config: Config<typeof deltaSinkOptions> = { values, forTopic: () => values };
    const storageOf = (topic: string) => openStorage(uri.replace("${topic}", topic));
    return Promise.resolve({
      connector: deltaSink,
      config,
      async read(topic: string) {
        const snapshot = await loadSnapshot(storageOf(topic), { files: true });
        if (snapshot === null || snapshot.files!.adds.size === 0) return [];
        const ids: bigint[] = [];
        for (const { path } of snapshot.files!.adds.values()) {
          const bytes = await storageOf(topic).get(decodePath(path));
          ids.push(...(await decodeRows(bytes!)).map((row) => BigInt(row.id as bigint)));
        }
        return ids;
      },
      async unseenFiles() {
        const snapshot = await loadSnapshot(storageOf("orders"), { files: true });
        const seen = new Set([...snapshot?.files?.adds.values() ?? []].map(({ path }) => decodePath(path)));
        const paths = (await storageOf("orders").list("")).map(({ path }) => path);
        return paths.filter((path) => !path.startsWith("_delta_log/") && !seen.has(path));
      },
    });
  }, { exactlyOnce: true });
}

conformance("delta-sink over memory", {});
conformance("delta-sink with small files and partitions", {
  "file.bytes.max": 4096,
  "row.group.bytes.max": 1024,
  "partition.by": ["hour(kafka.timestamp)"],
  "columns.kafka": ["partition", "offset"],
});
