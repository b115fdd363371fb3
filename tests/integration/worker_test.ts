/**
 * Several connectors in one worker, driven over HTTP: each by itself, kept over restarts of the process, exactly once by the
 * table's count.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../runtime/api/errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { topicStore } from "../../runtime/worker/topic_store.ts";
import { collectingLog } from "../support/log.ts";
import { readDeltaRs } from "../support/tables.ts";
import { type Program, Scratch } from "./program.ts";
import { broker, freshName, makeTopic, settingsFor, until, withAdmin } from "./support.ts";
import { json, produce, withProducer } from "./topics.ts";

interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any -- JSON of another program, judged by the assertions on it
  readonly body: any;
}

/** A worker without connectors of its own; `storage` is its config.storage. */
class RemoteWorker {
  #program: Program | null = null;
  #url = "";

  constructor(readonly scratch: Scratch, private readonly storage: string) {}

  async start(): Promise<void> {
    const { scratch } = this;
    const path = `${scratch.dir}/worker.yaml`;
    await Deno.writeTextFile(
      path,
      JSON.stringify({
        "bootstrap.servers": scratch.bootstrap,
        "http.listen": "127.0.0.1:0",
        "task.restart.max": 1,
        "task.restart.backoff.ms": 100,
        "config.storage": this.storage,
        "config.storage.replication.factor": 1,
      }),
    );
    const program = this.#program = scratch.run("start", "--config", path);
    await program.says("Serving");
    this.#url = /http:\/\/127\.0\.0\.1:\d+/.exec(program.stderr)![0];
    await program.while(
      "it is ready",
      async () => (await this.ask("GET", "/health")).status !== 503 || await this.#knows(),
    );
  }

  async ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      ...body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } },
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  }

  /** What it said on stderr. */
  get said(): string {
    return this.#program!.stderr;
  }

  says(text: string): Promise<void> {
    return this.#program!.says(text);
  }

  async text(path: string): Promise<string> {
    return await (await fetch(this.#url + path)).text();
  }

  /** The same, and it must be obeyed. */
  async obey(method: string, path: string, body?: unknown): Promise<Answer["body"]> {
    const answer = await this.ask(method, path, body);
    assert(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  create(name: string, topic: string, options: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const config = {
      "connector.class": "io.sluice.DeltaSinkConnector",
      topics: topic,
      "value.converter": "json",
      "commit.interval.ms": "300",
      ...options["connector.class"] ? {} : {
        "table.uri": this.scratch.table("${topic}"),
        "s3.access.key.id": "me",
        "s3.secret.access.key": "hush",
      },
      ...options,
    };
    return this.obey("POST", "/connectors", { name, config });
  }

  /** Waits for a state; the status by then. */
  async reach(name: string, state: string): Promise<Answer["body"]> {
    let body: Answer["body"] = null;
    await this.#program!.while(`${name} is ${state}`, async () => {
      ({ body } = await this.ask("GET", `/connectors/${name}/status`));
      return body.connector?.state === state;
    });
    return body;
  }

  async stop(): Promise<void> {
    const { stderr } = await this.#program!.stop();
    assert(!stderr.includes("not committed in time"), stderr);
  }

  async kill(): Promise<void> {
    await this.#program!.kill();
  }

  async #knows(): Promise<boolean> {
    return (await this.obey("GET", "/connectors")).length > 0;
  }
}

async function ids(scratch: Scratch, topic: string): Promise<number[]> {
  return (await readDeltaRs(scratch.table(topic))).rows.map(({ id }) => Number(id)).sort((a, b) => a - b);
}

const span = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const records = (from: number, to: number) => span(from, to).map((id) => json({ id }));
const reads = async (worker: RemoteWorker, name: string) =>
  (await worker.obey("GET", `/connectors/${name}/offsets`)).offsets.map((
    each: { offset: { kafka_offset: number } },
  ) => each.offset.kafka_offset);

Deno.test("a worker runs a connector beside one that failed for good, through pause, stop, altered offsets and a restart", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  const worker = new RemoteWorker(scratch, `file:${scratch.dir}/connectors.json`);
  await worker.start();
  await worker.create("good", topic);
  await worker.create("bad", freshName("missing"));
  await produce(scratch.bootstrap, topic, records(0, 10));
  const { connector: { trace } } = await worker.reach("bad", "FAILED");
  assert(trace.includes("Kafka has no topic"), trace);
  await worker.reach("good", "RUNNING");
  await until("all is read", async () => (await reads(worker, "good"))[0] === 10);
  const health = await worker.ask("GET", "/health");
  assertEquals(health.status, 503);
  assert(JSON.stringify(health.body).includes('connector \\"bad\\" has failed'), JSON.stringify(health.body));
  assertEquals((await worker.ask("POST", "/connectors", { name: "good", config: {} })).status, 409);
  const { config } = await worker.obey("GET", "/connectors/good");
  assertEquals(config["s3.secret.access.key"], "[hidden]");

  await worker.obey("PUT", "/connectors/good/pause");
  assertEquals((await worker.reach("good", "PAUSED")).tasks.map(({ state }: { state: string }) => state), ["PAUSED"]);
  await produce(scratch.bootstrap, topic, records(10, 15));
  await worker.obey("DELETE", "/connectors/bad");
  await worker.stop();
  const { mode } = await Deno.stat(`${scratch.dir}/connectors.json`);
  assertEquals(mode! & 0o777, 0o600);

  await worker.start();
  assertEquals(await worker.obey("GET", "/connectors"), ["good"]);
  await worker.reach("good", "PAUSED");
  assertEquals(await ids(scratch, topic), span(0, 10), "what is paused stays paused, whoever starts the process");
  await worker.obey("PUT", "/connectors/good/resume");
  await until("the rest is read", async () => (await reads(worker, "good"))[0] === 15);

  const at = (offset: number | null, partition = 0) => ({
    offsets: [{
      partition: { kafka_topic: topic, kafka_partition: partition },
      offset: offset === null ? null : { kafka_offset: offset },
    }],
  });
  assertEquals((await worker.ask("PATCH", "/connectors/good/offsets", at(6))).status, 400);
  await worker.obey("PUT", "/connectors/good/stop");
  assertEquals((await worker.reach("good", "STOPPED")).tasks, []);
  assertEquals((await worker.ask("PATCH", "/connectors/good/offsets", at(16))).status, 400);
  assertEquals((await worker.ask("PATCH", "/connectors/good/offsets", at(1, 7))).status, 400);
  await worker.obey("PATCH", "/connectors/good/offsets", at(12));
  assertEquals(await reads(worker, "good"), [12]);
  await worker.obey("PUT", "/connectors/good/resume");
  await until("what was asked for is read again", async () => (await reads(worker, "good"))[0] === 15);
  await worker.obey("PUT", "/connectors/good/stop");
  assertEquals(await ids(scratch, topic), [...span(0, 12), 12, 12, 13, 13, 14, 14]);

  await produce(scratch.bootstrap, topic, records(15, 20));
  await worker.obey("PATCH", "/connectors/good/offsets", at(18));
  await worker.obey("PUT", "/connectors/good/resume");
  await until("only the last two are read", async () => (await reads(worker, "good"))[0] === 20);
  await worker.obey("PUT", "/connectors/good/stop");
  assertEquals(await ids(scratch, topic), [...span(0, 12), 12, 12, 13, 13, 14, 14, 18, 19]);
  await worker.obey("DELETE", "/connectors/good/offsets");
  assertEquals(await reads(worker, "good"), [0]);
  await worker.stop();
});

/** What a request about offsets says: where each partition shall stand. */
const offsetsAt = (topic: string, ...at: (readonly [partition: number, offset: number | null])[]) => ({
  offsets: at.map(([kafka_partition, offset]) => ({
    partition: { kafka_topic: topic, kafka_partition },
    offset: offset === null ? null : { kafka_offset: offset },
  })),
});

/** What the group says, by partition. */
async function groupOffsets({ bootstrap }: Scratch, connector: string, topic: string): Promise<number[]> {
  const [found] = await withAdmin(
    bootstrap,
    (admin) => admin.fetchOffsets({ groupId: `connect-${connector}`, topics: [topic] }),
  );
  return found.partitions.sort((a, b) => a.partition - b.partition).map(({ offset }) => Number(offset));
}

Deno.test("a worker moves offsets in the table and the group alike, under auto.offset.reset=latest too, and the file-sink's", async () => {
  await using scratch = await Scratch.make();
  const { bootstrap } = scratch;
  const [late, lines, fresh] = await Promise.all([
    makeTopic(bootstrap, 2),
    makeTopic(bootstrap, 1),
    makeTopic(bootstrap, 2),
  ]);
  const put = (topic: string, from: number, to: number, partitions: number) =>
    produce(bootstrap, topic, span(from, to).map((id) => json({ id }, { partition: id % partitions })));
  const worker = new RemoteWorker(scratch, `file:${scratch.dir}/connectors.json`);
  await put(late, 0, 10, 2);
  await put(lines, 0, 5, 1);
  await put(fresh, 0, 10, 2);
  await worker.start();
  const [latest, folder] = [{ "auto.offset.reset": "latest" }, `${scratch.dir}/lines`];
  await worker.create("late", late, latest);
  await worker.create("lines", lines, { "connector.class": "file-sink", "file.path": folder });
  const body = { name: "fresh", config: { ...(await worker.obey("GET", "/connectors/late/config")), name: "fresh" } };
  assertEquals(
    (await worker.ask("POST", "/connectors", body)).status,
    400,
    "masks of another connector stand for nothing",
  );
  await worker.reach("late", "RUNNING");
  await worker.reach("lines", "RUNNING");
  const at = (name: string, wanted: readonly number[]) =>
    until(`${name} stands at ${wanted}`, async () => (await reads(worker, name)).toString() === wanted.toString());
  await at("late", [5, 5]);
  await put(late, 10, 16, 2);
  await at("late", [8, 8]);
  await at("lines", [5]);
  for (const name of ["late", "lines"]) await worker.obey("PUT", `/connectors/${name}/stop`);

  // Under latest a reset skips what came while it was stopped, and nothing that comes after.
  await put(late, 16, 20, 2);
  await worker.obey("DELETE", "/connectors/late/offsets");
  assertEquals([await reads(worker, "late"), await groupOffsets(scratch, "late", late)], [[10, 10], [10, 10]]);
  await put(late, 20, 24, 2);
  for (
    const wrong of [
      offsetsAt(late, [0, 13]),
      offsetsAt(late, [2, 0]),
      offsetsAt("unknown", [0, 0]),
      offsetsAt(late, [0, -1]),
      offsetsAt(late, [0, 1], [0, 2]),
      offsetsAt(late, [0, 3], [1, 99]),
    ]
  ) {
    const { status } = await worker.ask("PATCH", "/connectors/late/offsets", wrong);
    assertEquals(status, 400, JSON.stringify(wrong));
  }
  assertEquals(await reads(worker, "late"), [10, 10], "what is refused moves nothing");
  await worker.obey("PATCH", "/connectors/late/offsets", offsetsAt(late, [1, 3]));
  assertEquals([await reads(worker, "late"), await groupOffsets(scratch, "late", late)], [[10, 3], [10, 3]]);
  await worker.obey("PUT", "/connectors/late/resume");

  // Group offsets are the file-sink's progress.
  await put(lines, 5, 8, 1);
  assertEquals((await worker.ask("PATCH", "/connectors/lines/offsets", offsetsAt(lines, [0, 9]))).status, 400);
  await worker.obey("PATCH", "/connectors/lines/offsets", offsetsAt(lines, [0, 6]));
  await worker.obey("PUT", "/connectors/lines/resume");
  await at("lines", [8]);
  assertEquals((await worker.ask("DELETE", "/connectors/lines/offsets")).status, 400, "it runs");
  await worker.obey("PUT", "/connectors/lines/stop");
  await worker.obey("PATCH", "/connectors/lines/offsets", offsetsAt(lines, [0, null]));
  assertEquals([await reads(worker, "lines"), await groupOffsets(scratch, "lines", lines)], [[0], [0]]);
  await worker.obey("PUT", "/connectors/lines/resume");
  await at("lines", [8]);

  // One partition of a topic that was never read: the others begin at the end, as they would have.
  await worker.obey("POST", "/connectors", {
    name: "fresh",
    initial_state: "STOPPED",
    config: { ...body.config, name: "fresh", topics: fresh, "s3.access.key.id": "me", "s3.secret.access.key": "hush" },
  });
  await worker.obey("PATCH", "/connectors/fresh/offsets", offsetsAt(fresh, [0, 4]));
  assertEquals(await reads(worker, "fresh"), [4, 5]);
  await worker.obey("PUT", "/connectors/fresh/resume");
  await at("fresh", [5, 5]);
  await at("late", [12, 12]);
  await worker.stop();
  assertEquals(
    await ids(scratch, late),
    [7, 9, ...span(10, 16), 11, 13, 15, 17, 19, ...span(20, 24)].sort((a, b) => a - b),
  );
  assertEquals(await ids(scratch, fresh), [8]);
  const written = (await Deno.readTextFile(`${folder}/${lines}-0.jsonl`)).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals(written.map(({ value }) => value.id), [...span(0, 5), 6, 7, ...span(0, 8)]);
});

Deno.test("a worker keeps its connectors in a compacted topic, over a kill too", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  const worker = new RemoteWorker(scratch, `kafka:${freshName("connect-configs")}`);
  await worker.start();
  await worker.create("orders", topic);
  await worker.reach("orders", "RUNNING");
  await worker.create("other", topic);
  await worker.obey("PUT", "/connectors/other/stop");
  await worker.obey("PUT", "/connectors/orders/config", {
    ...(await worker.obey("GET", "/connectors/orders/config")),
    "commit.interval.ms": "200",
  });
  await worker.kill();

  await worker.start();
  await worker.reach("other", "STOPPED");
  const { config } = await worker.obey("GET", "/connectors/orders");
  assertEquals([config["commit.interval.ms"], config["s3.secret.access.key"]], ["200", "[hidden]"]);
  await worker.obey("DELETE", "/connectors/orders");
  await worker.stop();

  await worker.start();
  assertEquals(await worker.obey("GET", "/connectors"), ["other"]);
  await worker.stop();
});

Deno.test("topicStore() is the worker's that loaded it last, and holds what was accepted and nothing else", async () => {
  const bootstrap = await broker();
  const [topic, log] = [freshName("connect-configs"), collectingLog()];
  const open = async () => {
    const options = { settings: await settingsFor(bootstrap), topic, replicationFactor: 1, clock: systemClock, log };
    return topicStore({ ...options, random: Math.random, uuid: () => crypto.randomUUID() });
  };
  const [first, second] = [await open(), await open()];
  try {
    assertEquals([...await first.load()], []);
    await first.put([["connector-a", "1"], ["connector-b", "2"]]);
    assertEquals(Object.fromEntries(await second.load()), { "connector-a": "1", "connector-b": "2" });
    await assertRejects(() => first.put([["connector-a", null]]), FatalError, "another worker has begun to use it");
    // What was refused, and is there all the same.
    await produce(bootstrap, topic, [{ key: "connector-c", value: "3" }, { key: "connector-b", value: null }]);
    await second.put([["connector-d", "4"]]);
    assertEquals(log.lines.at(-1)?.fields.keys, "connector-c,connector-b");
    assertEquals(Object.fromEntries(await first.load()), {
      "connector-a": "1",
      "connector-b": "2",
      "connector-d": "4",
    });
    await assertRejects(() => second.put([]), FatalError, "another worker has begun to use it");
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
});

Deno.test("fetch.rate.bytes.max holds a connector back, and nothing is left of one that is deleted", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  const [records, recordBytes, batch, rate] = [160, 1000, 10, 40_000];
  const filler = "x".repeat(recordBytes);
  await withProducer(scratch.bootstrap, async (producer) => {
    for (let from = 0; from < records; from += batch) {
      await producer.send({ topic, messages: span(from, from + batch).map((id) => json({ id, filler })) });
    }
  });
  const worker = new RemoteWorker(scratch, "none");
  await worker.start();
  await worker.obey("PUT", "/admin/loggers/root", { level: "DEBUG" });
  await worker.create("held", topic, { "commit.interval.ms": "100", "fetch.rate.bytes.max": String(rate) });
  await worker.says("The first records have been read");
  const firstMs = Date.parse(/(\S+) DEBUG The first records/.exec(worker.said)![1]);
  await until("all is read", async () => (await reads(worker, "held"))[0] === records, 60_000);
  // A second's bytes may come at once, and a batch comes whole.
  const msMin = (records * recordBytes - rate - batch * recordBytes) / rate * 1000;
  assert(systemClock.now() - firstMs >= msMin, `it took ${systemClock.now() - firstMs} ms, at least ${msMin}`);
  assertEquals((await ids(scratch, topic)).length, records);

  const metrics = () => worker.text("/metrics");
  assert((await metrics()).includes('connector="held"'));
  assertEquals((await worker.ask("GET", "/health/ready")).status, 200);
  await worker.obey("DELETE", "/connectors/held");
  const left = (await metrics()).split("\n").filter((line) => line.includes('="held'));
  assertEquals(left, [], "a connector that is deleted is on no page");
  assertEquals((await worker.ask("GET", "/health/ready")).status, 200);
  await worker.stop();
});
