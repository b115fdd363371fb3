/**
 * A replay of dead letters, struck at every single effect that it has on Kafka or storage: it dies before it or right after it,
 * and another process takes over; or it stands still, another process takes over, and it wakes up. In the end every letter is
 * in the table (or on the topic) once, or is open.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { createDeltaCommitter } from "../../connectors/delta-sink/committer.ts";
import { deltaSinkOptions } from "../../connectors/delta-sink/config.ts";
import { loadSnapshot } from "../../connectors/delta-sink/delta/load.ts";
import { deltaSink } from "../../connectors/delta-sink/mod.ts";
import { decodeRows } from "../../connectors/delta-sink/parquet/rows.ts";
import { MemoryStorage } from "../../connectors/delta-sink/storage/memory.ts";
import type { Storage } from "../../connectors/delta-sink/storage/storage.ts";
import { DeltaSinkTask } from "../../connectors/delta-sink/task.ts";
import {
  type Config,
  type ConfigDef,
  type ConverterPlugin,
  FatalError,
  settingsTopic,
  type SinkConnector,
  type Values,
} from "../../mod.ts";
import { INSTANCE_OPTIONS, type InstanceValues } from "../../runtime/config/instance_options.ts";
import type { Instance } from "../../runtime/config/resolve_instance.ts";
import { systemClock } from "../../runtime/clock.ts";
import { chosenLetters } from "../../runtime/dlq/choose.ts";
import { NO_FIX } from "../../runtime/dlq/fix_spec.ts";
import { readLedger } from "../../runtime/dlq/ledger.ts";
import { queueRanges, readQueue } from "../../runtime/dlq/queue.ts";
import { replay, type ReplayParts } from "../../runtime/dlq/replay.ts";
import type { RunTarget } from "../../runtime/dlq/run_record.ts";
import { type SinkParts, SinkReplay } from "../../runtime/dlq/sink_target.ts";
import { replayToTopic } from "../../runtime/dlq/topic_target.ts";
import type { Fetcher, FetchPosition, KafkaAdmin, ProducerRecord } from "../../runtime/kafka/types.ts";
import { OfflineStages } from "../../runtime/offline_stages.ts";
import { jsonConverter } from "../../schemas/json/mod.ts";
import { bytesConverter } from "../../schemas/plain/mod.ts";
import { Topics } from "../simulation/kafka_log.ts";
import { collectingLog } from "../support/log.ts";

const QUEUE = "letters";
const TABLE = "memory://orders";
const ENCODER = new TextEncoder();

/** A process that is gone does nothing any more. */
class Gone extends Error {}

/** Kafka and a table, which outlive processes. */
class World {
  readonly topics = new Topics();
  readonly storage = new MemoryStorage({ uri: TABLE });
  epoch = 0;

  constructor() {
    for (const [name, partitions] of [[QUEUE, 2], [`${QUEUE}.ledger`, 1], ["orders", 1]] as const) {
      this.topics.create(name, partitions);
    }
  }

  append({ topic, key, value, headers, timestampMs }: ProducerRecord): void {
    const { partitions } = this.topics.get(topic)!;
    const hash = key?.reduce((sum, byte) => sum + byte, 0) ?? 0;
    partitions[hash % partitions.length].append({ key, value, headers, timestampMs });
  }

  /** Letters of ids: every fourth cannot be decoded; some are there twice. */
  addLetters(count: number): void {
    for (let id = 0; id < count; id++) {
      const texts = {
        topic: "orders",
        partition: 0,
        offset: id,
        stage: "TASK_PUT",
        "exception.class.name": "DataError",
      };
      const headers = Object.entries(texts).map(([key, text]) => (
        { key: `__connect.errors.${key}`, value: ENCODER.encode(String(text)) }
      ));
      const value = ENCODER.encode(id % 4 === 3 ? `{"id": ${id}` : JSON.stringify({ id }));
      const letter = { topic: QUEUE, key: ENCODER.encode(String(id)), value, headers, timestampMs: id };
      this.append(letter);
      if (id % 5 === 0) this.append(letter);
    }
  }

  /** Ids of the rows in the table. */
  async rows(): Promise<number[]> {
    const snapshot = await loadSnapshot(this.storage, { files: true });
    const ids: number[] = [];
    for (const { path } of snapshot?.files?.adds.values() ?? []) {
      const rows = await decodeRows((await this.storage.get(decodeURIComponent(path)))!);
      ids.push(...rows.map(({ id }) => Number(id)));
    }
    return ids.sort((a, b) => a - b);
  }

  /** Ids of what was sent to the topic. */
  sent(): number[] {
    const { records } = this.topics.get("orders")!.partitions[0];
    return records.map(({ key }) => Number(new TextDecoder().decode(key!))).sort((a, b) => a - b);
  }
}

/** What happens to the effects of a process, by their number. */
type Fate = "ok" | "die-before" | "die-after" | "stand-still-before" | "stand-still-after";

/** A process that replays. */
class Process {
  effects = 0;
  #isGone = false;
  #wake: (() => void) | null = null;
  /** Resolves when it stands still. */
  readonly stands = Promise.withResolvers<void>();

  constructor(readonly world: World, private readonly fateOf: (effect: number) => Fate) {}

  wake(): void {
    this.#wake?.();
  }

  /** Runs a replay to its end, or to the process's. */
  async run(target: RunTarget, abandon = false): Promise<void> {
    const { world } = this;
    const log = collectingLog();
    const clock = systemClock;
    const admin = this.#admin();
    const fetcher = () => this.#fetcher();
    const retry = <T>(_what: string, work: () => Promise<T>) => work();
    const context = { connector: "sink", clock, log, retry, uuid: () => crypto.randomUUID(), random: Math.random };
    const instance = this.#instance();
    const limits = { letters: 7, bytes: 1 << 20 };
    const sink: SinkParts = {
      ...{ instance, context, limits, memoryBytes: 1 << 22 },
      changed: (letters) => Promise.resolve({ letters: new Map(letters.map((each) => [each, each])), refused: [] }),
      stages: (targetSchema) => OfflineStages.load({ ...context, instance, fetch, targetSchema }),
    };
    let epoch = 0;
    const parts: ReplayParts = {
      ...{ deadLetterTopic: QUEUE, admin, fetcher, clock, log, uuid: context.uuid, say: () => {} },
      readLedger: () => readLedger({ admin, fetcher: fetcher() }, QUEUE),
      letterOptions: { connector: "sink", task: 0, headerBytesMax: 1000, recordBytesMax: 1 << 20, clock },
      producer: {
        begin: () => this.#effect(() => void (epoch = ++world.epoch)),
        transact: (records) =>
          this.#effect(() => {
            if (epoch !== world.epoch) throw new FatalError("another process has begun with this id");
            for (const record of records) world.append(record);
          }),
        close: () => Promise.resolve(),
      },
      execute: (work, selection) =>
        work.run.target.kind === "sink" ? SinkReplay.run(work, selection, sink) : replayToTopic(work, selection, {
          ...{ topic: null, fixed: null, topicOf: () => "orders", limits },
        }),
      assertNew: () => Promise.resolve(), // the ledger is never lost here
      settle: (work, selection) => SinkReplay.settle(work, selection, sink),
    };
    const read = async function* () {
      yield* readQueue(fetcher(), await queueRanges(admin, QUEUE));
    };
    await replay(parts, {
      ...{ target, fix: NO_FIX, attemptsMax: 3, abandon, resumeOnly: false, states: ["open"] },
      hasTopic: () => true,
      choose: (ledger) => chosenLetters(read(), { filter: {}, stateOf: (letter) => ledger.stateOf(letter) }),
      newest: () => Promise.resolve(new Map()),
    });
  }

  async #effect<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#isGone) throw new Gone();
    const fate = this.fateOf(++this.effects);
    if (fate === "die-before") this.#isGone = true;
    if (fate === "stand-still-before") await this.#stand();
    if (this.#isGone) throw new Gone();
    const result = await work();
    if (fate === "die-after") this.#isGone = true;
    if (fate === "stand-still-after") await this.#stand();
    if (this.#isGone) throw new Gone();
    return result;
  }

  async #stand(): Promise<void> {
    const woken = new Promise<void>((resolve) => this.#wake = resolve);
    this.stands.resolve();
    await woken;
  }

  #storage(): Storage {
    const { storage } = this.world;
    return {
      uri: storage.uri,
      get: (path) => storage.get(path),
      head: (path) => storage.head(path),
      list: (folder, after) => storage.list(folder, after),
      putIfAbsent: (path, bytes) => this.#effect(() => storage.putIfAbsent(path, bytes)),
      put: (path, bytes) => this.#effect(() => storage.put(path, bytes)),
      openWrite: async (path) => {
        const writer = await storage.openWrite(path);
        return { ...writer, close: () => this.#effect(() => writer.close()) };
      },
      delete: (path) => this.#effect(() => storage.delete(path)),
      check: () => Promise.resolve(),
    };
  }

  #admin(): KafkaAdmin {
    const { topics } = this.world;
    return {
      describeTopics: (which) =>
        Promise.resolve(
          topics.current.filter(({ topic }) => (which as readonly string[]).includes(topic))
            .map(({ topic, topicId, partitions }) => ({ topic, topicId, partitions: partitions.length })),
        ),
      logBounds: (partitions) =>
        Promise.resolve(partitions.map((at) => {
          const { logStartOffset, endOffset } = topics.get(at.topic)!.partitions[at.partition];
          return { ...at, logStartOffset, endOffset };
        })),
      groupOffsets: () => Promise.resolve([]),
      ensureTopic: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }

  #fetcher(): Fetcher {
    const positions = new Map<string, FetchPosition>();
    const key = ({ topic, partition }: { topic: string; partition: number }) => `${topic}/${partition}`;
    return {
      assign: (position) => void positions.set(key(position), position),
      remove: (partition) => void positions.delete(key(partition)),
      poll: () =>
        Promise.resolve([...positions.values()].flatMap((position) => {
          const log = this.world.topics.get(position.topic)!.partitions[position.partition];
          const { logStartOffset, endOffset } = log;
          if (position.offset >= endOffset) return [];
          const records = log.read(position.offset, 5);
          positions.set(key(position), { ...position, offset: records.to });
          return [{ ...position, kind: "records" as const, records, endOffset, logStartOffset }];
        })),
      wake: () => {},
      release: () => {},
      close: () => Promise.resolve(),
    };
  }

  #instance(): Instance {
    const values: Values<typeof deltaSinkOptions> = {
      ...defaultsOf(deltaSinkOptions),
      "table.uri": TABLE,
      "parquet.codec": "uncompressed",
    };
    const config: Config<typeof deltaSinkOptions> = { values, forTopic: () => values };
    const storage = this.#storage();
    const plugin: SinkConnector = {
      ...deltaSink as unknown as SinkConnector,
      createTask: (_config, context) => Promise.resolve(new DeltaSinkTask(config, context, () => storage)),
      createCommitter: (_config, { clock, uuid, random, log }) =>
        Promise.resolve(createDeltaCommitter({
          ...{ appId: "sink", othersAllowed: false, topicRecreated: "fail", clock, uuid, random, log },
          openTable: () => storage,
          tableOf: (topic) => `memory://${settingsTopic(topic)}`,
          schemaEvolution: () => "none",
          ...{ autoCreateTable: true, allowProtocolUpgrade: false, tableProperties: {}, stagedAgeMaxMs: 3_600_000 },
          onCheckpointDue: () => {},
        })),
    };
    const instanceValues: InstanceValues = { ...defaultsOf(INSTANCE_OPTIONS), "errors.tolerance": "all" };
    const schema = JSON.stringify({
      type: "struct",
      fields: [{ name: "id", type: "long", nullable: true, metadata: {} }],
    });
    const json = {
      plugin: jsonConverter as unknown as ConverterPlugin,
      config: { ...defaultsOf(jsonConverter.options), "value.schema": schema } as Values<ConfigDef>,
    };
    const bytes = { plugin: bytesConverter, config: {} };
    return {
      ...{ name: "sink", plugin, values: instanceValues, topics: ["orders"], converters: [bytes.plugin, json.plugin] },
      connectorConfig: config as unknown as Config<ConfigDef>,
      forTopic: () => ({
        ...{ values: instanceValues, keyConverter: bytes, valueConverter: json, transforms: [], rules: [] },
        connector: values as unknown as Values<ConfigDef>,
      }),
    };
  }
}

function defaultsOf<Def extends ConfigDef>(def: Def): Values<Def> {
  return Object.fromEntries(Object.entries(def).map(([key, option]) => [key, option.default])) as Values<Def>;
}

const LETTERS = 24;
const ALL = Array.from({ length: LETTERS }, (_, id) => id);
const GOOD = ALL.filter((id) => id % 4 !== 3);
const BAD = ALL.filter((id) => id % 4 === 3);

/** What must hold once a process has come to the end of a replay; `again`: replays of the bad letters since. */
async function judge(world: World, target: RunTarget, what: string): Promise<void> {
  if (target.kind === "topic") return assertEquals(world.sent(), ALL, what);
  assertEquals(await world.rows(), GOOD, what);
  const { partitions } = world.topics.get(QUEUE)!;
  const newer = partitions.flatMap(({ records }) => records)
    .filter(({ headers }) => headers.some(({ key }) => key === "__sluice.errors.attempts"))
    .map(({ key, headers }) => {
      const text = headers.find(({ key }) => key === "__sluice.errors.attempts")!.value!;
      return `${new TextDecoder().decode(key!)}#${new TextDecoder().decode(text)}`;
    });
  assertEquals(new Set(newer).size, newer.length, `${what}: a letter is there anew twice: ${newer}`);
  const ids = new Set(newer.map((each) => Number(each.split("#")[0])));
  assertEquals([...ids].sort((a, b) => a - b), BAD, what);
}

function isEnd(error: unknown): boolean {
  return error instanceof Gone || error instanceof FatalError;
}

/** A world in which a process meets its fate, and others come until one is through. */
async function struck(target: RunTarget, effect: number, fate: Fate): Promise<number> {
  const world = new World();
  world.addLetters(LETTERS);
  const what = `${target.kind}, effect ${effect}: ${fate}`;
  const first = new Process(world, (number) => number === effect ? fate : "ok");
  const end = first.run(target).then(() => "done", (error) => {
    if (!isEnd(error)) throw new Error(`${what}: ${(error as Error).stack}`);
    return "ended";
  });
  await Promise.race([end, first.stands.promise]);
  const second = new Process(world, () => "ok");
  await second.run(target);
  await judge(world, target, what);
  first.wake();
  await end;
  await judge(world, target, `${what}, awake`);
  return first.effects;
}

for (const target of [{ kind: "sink" }, { kind: "topic", topic: null }] as const) {
  Deno.test(`a replay into a ${target.kind} repeats and loses nothing wherever it is struck`, async () => {
    const effects = await struck(target, 0, "ok");
    assert(effects > 5, `${effects} effects`);
    for (const fate of ["die-before", "die-after", "stand-still-before", "stand-still-after"] as const) {
      for (let effect = 1; effect <= effects; effect++) await struck(target, effect, fate);
    }
  });
}

Deno.test("a run whose table was deleted can be given up wherever it was struck, and what is open goes on", async () => {
  const target = { kind: "sink" } as const;
  let refused = 0;
  for (let effect = 1, isStruck = true; isStruck; effect++) {
    const world = new World();
    world.addLetters(LETTERS);
    const ended = new Process(world, (number) => number === effect ? "die-before" : "ok").run(target);
    isStruck = await ended.then(() => false, (error) => isEnd(error) || Promise.reject(error));
    const before = await world.rows();
    world.storage.objects.clear();
    // Who goes on writes the rest into a table anew, or says what to do.
    const refusal = await new Process(world, () => "ok").run(target).then(() => null, (error: Error) => error.message);
    if (refusal === null) continue;
    refused++;
    assertStringIncludes(refusal, "the table is not where the run left it");
    await new Process(world, () => "ok").run(target, true);
    await new Process(world, () => "ok").run(target);
    assertEquals([...new Set([...before, ...await world.rows()])].sort((a, b) => a - b), GOOD, `effect ${effect}`);
    assertEquals(new Set(await world.rows()).size, (await world.rows()).length, `effect ${effect}`);
  }
  assert(refused > 0);
});

Deno.test("letters end in the table once or stay open, however many processes die on the way", async () => {
  const fates = fc.array(fc.tuple(fc.nat(25), fc.constantFrom<Fate>("die-before", "die-after")), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fates, async (deaths) => {
      const world = new World();
      world.addLetters(LETTERS);
      for (const [effect, fate] of deaths) {
        const process = new Process(world, (number) => number === effect ? fate : "ok");
        await process.run({ kind: "sink" }).catch((error) => {
          if (!isEnd(error)) throw error;
        });
        const rows = await world.rows();
        assertEquals(new Set(rows).size, rows.length, "a row is there twice");
      }
      await new Process(world, () => "ok").run({ kind: "sink" });
      const rows = await world.rows();
      assertEquals(rows, GOOD);
    }),
    { numRuns: 30 },
  );
});
