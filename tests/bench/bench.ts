/**
 * `deno task bench`: drains topics with the real program and prints one JSON line of figures a run.
 *
 * Topics are produced once an invocation, the program drains each into a fresh table, and DuckDB counts the rows and the
 * distinct ids. records_per_s goes from the program's first log line ("Starting") to its last commit; cpu_s, gb_s and
 * peak_rss_mb are the whole process', start and end included. Flags and figures are explained in README.md.
 *
 *     deno task bench --format json,avro,protobuf --records 5000000 --tasks 1,2 --runs 5
 *     deno task bench --records 5000000 --runs 5 --peer COMMAND     beside somebody else's program
 *     deno task bench --profile                                     where the time goes
 *     deno task bench --cost                                        what running it costs: see cost_run.ts
 *     deno task bench --topics 500 --records 5000000                hundreds of tables: see many_tables.ts
 *
 * @module
 */
import { compareCosts } from "./cost_run.ts";
import { drainOnce } from "./drain.ts";
import { comparison, type Figures, summary } from "./figures.ts";
import { type BenchFlags, intervalMs, readFlags } from "./flags.ts";
import { benchManyTables } from "./many_tables.ts";
import { runPeer } from "./peer.ts";
import { stageTable } from "../../runtime/stage_table.ts";
import { SHAPES } from "./schemas.ts";
import { type BenchServices, startBenchServices } from "./services.ts";
import { openTableStore, type TableStore } from "./stores.ts";
import { deleteTopics, type FilledTopic, fillTopic, type TopicSpec } from "./topics.ts";

const flags = readFlags(Deno.args);
await using services = await startBenchServices({
  bootstrap: flags.bootstrap,
  registry: flags.registry,
  needsRegistry: flags.formats.some((format) => format !== "json"),
  heapMiB: flags.brokerHeapMiB ?? (flags.topics ? 1024 : 256), // hundreds of topics in 256 MiB: it collects garbage
});
if (flags.topics) print(await manyTables(flags, flags.topics, services.bootstrap));
else if (flags.cost) console.log(await compareCosts(flags, services));
else await drains(flags, services);

async function drains(flags: BenchFlags, services: BenchServices): Promise<void> {
  /** By what they hold. */
  const filled = new Map<string, FilledTopic>();
  try {
    for (const storage of flags.storages) {
      await using store = await openTableStore(storage, flags.s3DelayMs);
      for (const spec of specsOf(flags)) {
        const key = JSON.stringify(spec);
        const topic = filled.get(key) ?? await topicOf(spec, flags, services);
        filled.set(key, topic);
        for (const tasks of flags.tasks) {
          for (const commitInterval of flags.commitIntervals) {
            await repeat(topic, { flags, services, store, tasks, commitInterval });
          }
        }
      }
    }
  } finally {
    const isKept = flags.topic !== null || flags.keepTopic !== null;
    if (!services.isOurs && !isKept) {
      await deleteTopics([...filled.values()].map(({ name }) => name), services.bootstrap);
    }
  }
}

async function topicOf(spec: TopicSpec, flags: BenchFlags, services: BenchServices): Promise<FilledTopic> {
  if (flags.topic !== null) return { ...spec, name: flags.topic };
  const name = flags.keepTopic ?? `bench-${spec.format}-${spec.schema}-${crypto.randomUUID().slice(0, 8)}`;
  return await fillTopic(name, spec, services);
}

function specsOf({ formats, schemas, compressions, records, partitions }: BenchFlags): TopicSpec[] {
  return formats.flatMap((format) =>
    schemas.flatMap((schema) =>
      compressions.flatMap((compression) =>
        (records ?? [SHAPES[schema].recordsDefault]).map((records) => (
          { format, schema, compression, records, partitions }
        ))
      )
    )
  );
}

/** All runs of one kind; with a peer, ours and its in turn. */
async function repeat(
  topic: FilledTopic,
  { flags, services, store, tasks, commitInterval }: {
    flags: BenchFlags;
    services: BenchServices;
    store: TableStore;
    tasks: number;
    commitInterval: string;
  },
): Promise<void> {
  const { bootstrap, registryUrl } = services;
  const ours: Figures[] = [], theirs: Figures[] = [];
  for (let run = 0; run < flags.runs; run++) {
    const { figures, result } = await drainOnce(topic, {
      bootstrap,
      registryUrl,
      tasks,
      commitInterval,
      set: flags.set,
      store,
    });
    ours.push(figures);
    print(figures);
    if (flags.profile) console.error(stageTable([result]));
    if (flags.peer === null) continue;
    const commitMs = intervalMs(commitInterval);
    theirs.push(await runPeer(topic, { command: flags.peer, bootstrap, registryUrl, tasks, commitMs }));
    print(theirs.at(-1)!);
  }
  if (flags.runs > 1) [ours, theirs].filter(({ length }) => length > 0).forEach((runs) => print(summary(runs)));
  if (theirs.length > 0) print(comparison(ours, theirs));
}

function manyTables(flags: BenchFlags, topics: number, bootstrap: string): Promise<Figures> {
  const { partitions, tasks, rate, backlog, set, keep } = flags;
  return benchManyTables({
    bootstrap,
    topics,
    records: flags.records?.[0] ?? 1_000_000,
    partitions,
    tasks: tasks[0],
    intervalMs: intervalMs(flags.commitIntervals[0]),
    rate,
    backlog,
    set,
    keep,
  });
}

function print(figures: Figures): void {
  console.log(JSON.stringify(figures));
}
