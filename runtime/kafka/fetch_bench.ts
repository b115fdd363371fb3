/**
 * Raw consume alone, from a real broker: fetch, checksum, decompress, index, release. Prints one JSON line a case.
 *
 *     deno run -A runtime/kafka/fetch_bench.ts
 *     BOOTSTRAP=host:port TOPIC=filled deno run -A runtime/kafka/fetch_bench.ts
 *
 * Without BOOTSTRAP it starts a broker, fills a topic with JSON records of 178 bytes in batches of about 90 KiB (4
 * partitions), one uncompressed and one zstd, and ends the broker. Each case has a process of its own, so that its peak
 * RSS is its own, reads the topic PASSES times (5) without a pause, and prints the best and the median pass. KEYS
 * overrides Kafka's keys: KEYS='{"fetch.max.bytes":"2097152"}'; MEMORY_MIB is the fetcher's budget (32, a task's by default).
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { startKafka } from "../cli/services/kafka.ts";
import { systemClock } from "../clock.ts";
import { createLog } from "../log.ts";
import { jsonRecords } from "../../tests/bench/records.ts";
import { createAdmin } from "./admin.ts";
import { createFetcher } from "./fetcher.ts";
import { createProducer } from "./producer.ts";
import { kafkaSettings } from "./settings.ts";

const RECORDS = 1_000_000;
const SEND_RECORDS = 2_000;

/** What one process, or one of its threads, is to do. */
interface Case {
  readonly bootstrap: string;
  readonly topic: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly passes: number;
  readonly memoryBytes: number;
  /** Only partitions whose number leaves this rest when divided by `threads`. */
  readonly thread: number;
}

/** Records and bytes of one pass over the partitions, and how long it took. */
interface Pass {
  readonly records: number;
  readonly bytes: number;
  readonly ms: number;
}

const given = Deno.env.get("FETCH_CASE");
if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) {
  const scope = self as unknown as { onmessage: unknown; postMessage(message: Pass[]): void };
  scope.onmessage = async ({ data }: MessageEvent<Case>) => scope.postMessage(await read(data));
} else if (given) console.log(JSON.stringify(await measure(JSON.parse(given))));
else if (import.meta.main) await main();

async function main(): Promise<void> {
  const own = Deno.env.has("BOOTSTRAP") ? null : await startKafka({ clock: systemClock });
  try {
    const bootstrap = own?.bootstrap ?? Deno.env.get("BOOTSTRAP")!;
    const topics = own ? await fill(bootstrap) : { given: Deno.env.get("TOPIC")! };
    for (const [codec, topic] of Object.entries(topics)) {
      for (const [crcs, threads] of [["true", 1], ["false", 1], ["true", 2]] as const) {
        const keys = { "check.crcs": crcs, ...JSON.parse(Deno.env.get("KEYS") ?? "{}") };
        const passes = Number(Deno.env.get("PASSES") ?? 5);
        const memoryBytes = Number(Deno.env.get("MEMORY_MIB") ?? 32) * 1024 * 1024;
        const one: Case = { bootstrap, topic, keys, threads, passes, memoryBytes, thread: 0 };
        const { stdout, success } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--v8-flags=--max-semi-space-size=4", import.meta.filename!],
          env: { FETCH_CASE: JSON.stringify(one) },
          stderr: "inherit",
        }).output();
        if (!success) throw new Error(`The case ${JSON.stringify(one)} failed`);
        console.log(JSON.stringify({ codec, crcs, threads, ...JSON.parse(new TextDecoder().decode(stdout)) }));
      }
    }
  } finally {
    await own?.stop();
  }
}

/** A topic for each codec, filled. */
async function fill(bootstrap: string): Promise<Record<string, string>> {
  const topics: Record<string, string> = {};
  for (const codec of ["none", "zstd"]) {
    const topic = topics[codec] = `fetch-${codec}`;
    const settings = await kafkaSettings({ "bootstrap.servers": bootstrap, "compression.type": codec });
    const admin = createAdmin({ settings: settings.admin, log: quiet(), readCommitted: true });
    await admin.ensureTopic(topic, 4, 1);
    await admin.close();
    const producer = createProducer(settings.producer);
    for (let from = 0; from < RECORDS; from += SEND_RECORDS) {
      await producer.send(jsonRecords(topic, from, from + SEND_RECORDS, systemClock.now()));
    }
    await producer.close();
  }
  return topics;
}

/** One case in this process, by one thread or several. */
async function measure(one: Case): Promise<Record<string, number>> {
  const before = cpuUsage();
  const all = one.threads === 1 ? [await read(one)] : await Promise.all(
    Array.from({ length: one.threads }, (_, thread) =>
      new Promise<Pass[]>((resolve, reject) => {
        const worker = new Worker(import.meta.url, { type: "module" });
        worker.onmessage = ({ data }: MessageEvent<Pass[]>) => (resolve(data), worker.terminate());
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage({ ...one, thread });
      })),
  );
  const cpu = cpuUsage(before);
  const status = await Deno.readTextFile("/proc/self/status");
  const records = all.flat().reduce((sum, pass) => sum + pass.records, 0);
  const rates = Array.from({ length: one.passes }, (_, i) => {
    const passes = all.map((passes) => passes[i]);
    const sum = (of: (pass: Pass) => number) => passes.reduce((total, pass) => total + of(pass) / pass.ms, 0);
    return { records: sum((pass) => pass.records) * 1000, bytes: sum((pass) => pass.bytes) / 1000 };
  }).sort((a, b) => a.records - b.records);
  const median = rates[rates.length >> 1];
  return {
    records_per_s: Math.round(median.records),
    best_records_per_s: Math.round(rates.at(-1)!.records),
    mb_per_s: Math.round(median.bytes),
    cpu_s_per_million: Math.round((cpu.user + cpu.system) / records * 1000) / 1000,
    peak_rss_mb: Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024),
  };
}

/** Reads this thread's partitions again and again, each from its start as soon as it has ended, and never pauses. */
async function read({ bootstrap, topic, keys, threads, thread, passes, memoryBytes }: Case): Promise<Pass[]> {
  const settings = await kafkaSettings({ "bootstrap.servers": bootstrap, ...keys });
  const admin = createAdmin({ settings: settings.admin, log: quiet(), readCommitted: settings.consumer.readCommitted });
  const [{ topicId, partitions }] = await admin.describeTopics([topic]);
  const own = Array.from({ length: partitions }, (_, partition) => ({ topic, topicId, partition }))
    .filter(({ partition }) => partition % threads === thread);
  const bounds = await admin.logBounds(own);
  await admin.close();
  const ends = new Map(bounds.map(({ partition, endOffset }) => [partition, endOffset]));
  const onePass = bounds.reduce((sum, { logStartOffset, endOffset }) => sum + Number(endOffset - logStartOffset), 0);
  const fetcher = createFetcher({
    settings: settings.consumer,
    clock: systemClock,
    log: quiet(),
    random: () => 0.5,
    memoryBytes,
  });
  let epoch = 0;
  for (const { partition, logStartOffset: offset } of bounds) {
    fetcher.assign({ topic, topicId, partition, offset, epoch });
  }
  const done: Pass[] = [];
  let records = 0, bytes = 0, startedAt = 0;
  while (done.length < passes) {
    const fetched = await fetcher.poll(1000);
    startedAt ||= systemClock.monotonic();
    for (const each of fetched) {
      if (each.kind !== "records") throw new Error(`Cannot read ${topic}-${each.partition}: ${each.kind}`);
      records += each.records.count;
      for (let i = 0; i < each.records.count; i += 64) {
        bytes += 64 * (each.records.valueEnds[i] - each.records.valueStarts[i]);
      }
      if (each.records.to >= ends.get(each.partition)!) {
        const { logStartOffset: offset, partition } = bounds.find(({ partition }) => partition === each.partition)!;
        fetcher.assign({ topic, topicId, partition, offset, epoch: ++epoch });
      }
      fetcher.release(each.records);
    }
    if (records < onePass) continue;
    const now = systemClock.monotonic();
    done.push({ records, bytes, ms: now - startedAt });
    [records, bytes, startedAt] = [0, 0, now];
  }
  await fetcher.close();
  return done;
}

function quiet() {
  return createLog({ level: "error", format: "text", file: null });
}
