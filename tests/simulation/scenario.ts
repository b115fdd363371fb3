/**
 * A random run: a connector's life with everything that can happen to it, as a seed has it.
 *
 * @module
 */
import { partitionKey } from "../../mod.ts";
import { tableUri } from "../../connectors/delta-sink/config.ts";
import { type ConnectorProcess, type Mutations, TABLE_URI } from "./connector_process.ts";
import type { Fate, Fortune, Operation } from "./life.ts";
import { vacuum, writeAsAnother } from "./others.ts";
import { Seeded } from "./seeded.ts";
import type { RecordKind } from "./source.ts";
import { verify } from "./verify.ts";
import { World } from "./world.ts";

/** What came of a run. */
export interface RunResult {
  readonly world: World;
  readonly problems: readonly string[];
}

const STEPS = 14;
/** Shares older than this are looked up; unnamed files older than that are deleted. Nobody is paused for as long. */
const STAGED_AGE_MAX_MS = 10_000;
const VACUUM_AGE_MS = 60_000;
const QUIET_MS = 10 * 60_000;

/** How bad the times are. */
interface Weather {
  readonly failChance: number;
  readonly loseChance: number;
  /** Chance of storage whose effect is there, and whose reply ends the topic. */
  readonly breakChance: number;
  readonly latencyMsMax: number;
  /** Chance of an operation that takes very long. */
  readonly slowChance: number;
  readonly slowMsMax: number;
  readonly landChance: number;
}

/** Runs the seed's scenario and verifies what it left. */
export async function runScenario(seed: number, mutations: Mutations = {}): Promise<RunResult> {
  const random = new Seeded(seed);
  const world = new World({
    seed: random.int(0, 1e9),
    topics: random.pick([
      [{ topic: "orders", partitions: random.int(1, 5) }],
      [{ topic: "orders", partitions: random.int(1, 4) }, { topic: "returns", partitions: random.int(1, 3) }],
    ]),
    fetchRecordsMax: random.pick([1, 3, 10, 40]),
    mutations,
    connector: {
      commitIntervalMs: random.pick([200, 1000, 3000]),
      commitTimeoutMs: random.pick([50, 400, 2000]),
      lateMax: random.pick([3, 20]),
      autoOffsetReset: random.chance(0.2) ? "latest" : "earliest",
      partitionBy: random.pick([[], [], ["day"], ["date(kafka.timestamp)"]]),
      fileBytesMax: random.pick([1024, 4096, 1 << 24]),
      memoryBytes: random.pick([3000, 1 << 24]),
      topicRecreated: "restart",
      schemaEvolution: random.pick(["add", "add", "none"]),
      commitRecordsMax: random.pick([0, 0, 15]),
      stagedAgeMaxMs: STAGED_AGE_MAX_MS,
      // Slower ones never answer within the shortest rounds, so that every task is late until it fails.
      messageMsMax: random.pick([0, 2, 50]),
      retryTimeoutMs: random.pick([300, 5000]),
      // The shorter one ends while it is in doubt whose a version is.
      putTimeoutMs: random.pick([2000, 600_000]),
      restartMax: random.pick([3, 10]),
    },
  });
  const scenario = new Scenario(world, random);
  await scenario.play();
  await scenario.calmDown();
  return { world, problems: await verify(world, { isQuiet: true }) };
}

/** Times get better at the end. */
class Scenario {
  #weather: Weather;
  #kind: RecordKind;
  /** What becomes of every call to a table's storage, for a while: by table. */
  readonly #sick = new Map<string, Fate>();
  readonly #fortune: Fortune;
  readonly #random: Seeded;

  constructor(private readonly world: World, random: Seeded) {
    this.#random = random;
    const isRough = random.chance(0.6);
    this.#weather = {
      failChance: isRough ? random.pick([0, 0.01, 0.04]) : 0,
      loseChance: isRough ? random.pick([0, 0.02, 0.06]) : 0,
      latencyMsMax: random.pick([0, 5, 40]),
      slowChance: random.pick([0, 0.01]),
      slowMsMax: 4000,
      breakChance: random.pick([0, 0, 0.01, 0.05]),
      landChance: random.pick([0, 0.5]),
    };
    this.#kind = {
      poison: random.pick([0, 0.05, 0.3]),
      gap: random.pick([0, 0.1]),
      wide: "no",
      isNarrow: random.chance(0.1),
    };
    const fates = random.fork();
    this.#fortune = {
      fateOf: (operation) => this.#fateOf(operation, fates),
      latencyMs: () => {
        const { latencyMsMax, slowChance, slowMsMax } = this.#weather;
        return fates.next() * (fates.chance(slowChance) ? slowMsMax : latencyMsMax);
      },
      landsAfterDeath: () => fates.chance(this.#weather.landChance),
    };
  }

  async play(): Promise<void> {
    const { world } = this;
    this.#produce();
    this.#start();
    for (let step = 0; step < STEPS; step++) {
      await world.run(this.#random.int(0, this.#random.chance(0.1) ? 40_000 : 2500));
      if (this.#random.chance(0.7)) this.#produce();
      await this.#happen();
      if (this.#alive().length === 0) this.#start();
    }
  }

  /** Nothing goes wrong from here on, and who was paused wakes up. */
  async calmDown(): Promise<void> {
    const { world } = this;
    this.#weather = {
      failChance: 0,
      loseChance: 0,
      breakChance: 0,
      latencyMsMax: 5,
      slowChance: 0,
      slowMsMax: 0,
      landChance: 0,
    };
    this.#sick.clear();
    await world.run(this.#random.int(0, 3000));
    for (const { life } of world.processes) life.resume();
    await world.run(this.#random.int(0, 5000));
    void world.kafka.group.tellZombies();
    await this.#restartFailed();
    if (!await world.complete(QUIET_MS) && world.bugs.length === 0 && await this.#restartFailed()) {
      await world.complete(QUIET_MS);
    }
    await this.#drain();
    // What was late may still do harm.
    await world.run(15_000);
  }

  /** As a person would: stops who has given up a topic, and starts anew where nobody is left. False: all is well. */
  async #restartFailed(): Promise<boolean> {
    const { world } = this;
    const failed = this.#alive().filter(({ failedTopics }) => failedTopics.size > 0);
    for (const process of failed) {
      void process.stop(5000);
      world.time.after(20_000, () => world.kafka.group.expire(process.life));
    }
    await world.time.runUntil(() => failed.every(({ life }) => life.isDead), world.time.nowMs + QUIET_MS);
    if (this.#alive().length > 0) return failed.length > 0;
    this.#start();
    return true;
  }

  /** Sometimes the last word has a process that reads to the end and ends by itself. */
  async #drain(): Promise<void> {
    const { world } = this;
    if (!this.#random.chance(0.3) || world.bugs.length > 0 || !world.isComplete()) return;
    for (const process of this.#alive()) void process.stop(5000);
    await world.time.runUntil(() => this.#alive().length === 0, world.time.nowMs + QUIET_MS);
    this.#produce();
    const logs = world.options.topics.flatMap(({ topic }) => world.kafka.topics.get(topic)!.partitions);
    const filled = logs.filter(({ logStartOffset, endOffset }) => endOffset > logStartOffset);
    const until = new Map(filled.map((log) => [partitionKey(log), log.endOffset]));
    const drain = world.start(this.#random.int(1, 3), this.#fortune, until);
    await world.time.runUntil(() => drain.hasEnded || world.bugs.length > 0, world.time.nowMs + QUIET_MS);
    if (!drain.hasEnded || drain.failure) {
      world.journal.violations.push(`a drain did not end well: ${drain.failure ?? "it goes on"}`);
    }
  }

  async #happen(): Promise<void> {
    const { world } = this;
    const random = this.#random;
    const alive = this.#alive();
    const victim = alive.length > 0 ? random.pick(alive) : null;
    const { topic } = random.pick(world.options.topics);
    const { partitions } = world.kafka.topics.get(topic)!;
    const isOpen = world.options.connector.schemaEvolution === "add";
    switch (random.int(0, 19)) {
      case 0:
      case 1:
        if (victim) world.crash(victim, random.int(100, 8000));
        break;
      case 2:
      case 3:
        // A stopped process: the group drops it, and it does not know.
        if (!victim) break;
        victim.life.pause();
        world.time.after(random.int(500, 4000), () => world.kafka.group.expire(victim.life));
        world.time.after(random.int(1000, 20_000), () => victim.life.resume());
        world.time.after(random.int(5000, 40_000), () => void world.kafka.group.tellZombies());
        break;
      case 4:
        if (victim) {
          victim.life.pause();
          world.time.after(random.int(10, 3000), () => victim.life.resume());
        }
        break;
      case 5:
      case 6:
      case 19:
        if (alive.length < 3) this.#start();
        break;
      case 7:
        if (!victim || victim.life.isPaused) break;
        void victim.stop(random.int(100, 10_000));
        // Where its leaving does not arrive in time, the group notices when its session is over.
        world.time.after(20_000, () => victim.life.isDead && world.kafka.group.expire(victim.life));
        break;
      case 8:
        void world.kafka.group.rebalance();
        break;
      case 9:
        this.#kind = {
          ...this.#kind,
          wide: random.pick(isOpen ? ["yes", "vague"] : ["vague"]),
          isNarrow: random.chance(0.3),
        };
        break;
      case 10:
        world.source.endTransaction(topic, random.int(0, partitions.length - 1));
        break;
      case 11:
        world.source.retain(topic, random.int(0, partitions.length - 1), random.int(1, 20));
        break;
      case 12:
        world.kafka.topics.get(topic)!.grow(partitions.length + 1);
        void world.kafka.group.rebalance();
        break;
      case 13:
        if (!random.chance(0.3)) break;
        world.kafka.topics.recreate(topic);
        void world.kafka.group.rebalance();
        break;
      case 14:
      case 15:
        await writeAsAnother(world, topic, random);
        break;
      case 17:
      case 18:
        this.#fallSick(topic);
        break;
      case 16:
        await vacuum(world, topic, VACUUM_AGE_MS);
        break;
    }
  }

  /** Nothing can be done with a topic's table until it is well again. */
  #fallSick(topic: string): void {
    const table = tableUri({ "table.uri": TABLE_URI } as Parameters<typeof tableUri>[0], topic);
    this.#sick.set(table, this.#random.pick(["refuse", "refuse", "break", "fail", "lose-reply"] as const));
    this.world.time.after(this.#random.int(100, 20_000), () => this.#sick.delete(table));
  }

  #produce(): void {
    const { topic } = this.#random.pick(this.world.options.topics);
    this.world.source.produce(topic, this.#random.int(1, 40), this.#kind);
  }

  #start(): void {
    this.world.start(this.#random.int(1, 3), this.#fortune);
  }

  #alive(): ConnectorProcess[] {
    return this.world.processes.filter(({ life }) => !life.isDead);
  }

  /** Calls of storage and of Kafka fail now and then; those that a client retries inside do not. */
  #fateOf({ kind, label }: Operation, random: Seeded): Fate {
    const { failChance, loseChance, breakChance } = this.#weather;
    if (kind === "kafka.fetch" || kind === "kafka.join" || kind === "kafka.leave") return "ok";
    for (const [table, fate] of kind.startsWith("storage.") ? this.#sick : []) {
      if (label.startsWith(`${table}/`)) return fate;
    }
    if (kind.startsWith("storage.") && random.chance(breakChance)) return "break";
    if (random.chance(failChance)) return "fail";
    return random.chance(loseChance) ? "lose-reply" : "ok";
  }
}
