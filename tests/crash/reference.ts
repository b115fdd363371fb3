/**
 * The reference run of the crash tests: two tasks, four partitions, several rounds, dead letters, a late share, a column
 * that is added; and what becomes of it when one of its operations is where the process ends or stands still.
 *
 * @module
 */
import type { Mutations } from "../simulation/connector_process.ts";
import type { Fate, Fortune, Operation } from "../simulation/life.ts";
import { Seeded } from "../simulation/seeded.ts";
import { verify } from "../simulation/verify.ts";
import { World, type WorldStore } from "../simulation/world.ts";

/** Where the run is struck, and how it goes on. */
export interface Strike {
  /** The operation of the first process, from 1; 0: none. */
  readonly at: number;
  readonly fate: Exclude<Fate, "ok">;
  /** Tasks of the process that takes over. */
  readonly tasks: number;
  readonly mutations?: Mutations;
  /** A folder for the table; in memory where absent. */
  readonly folder?: string;
  /** A real store for the table. */
  readonly store?: WorldStore;
}

/** What came of a run. */
export interface StrikeResult {
  readonly world: World;
  /** The operation that was struck; null where the run never came to it. */
  readonly struck: Operation | null;
  /** All operations of the first process. */
  readonly operations: readonly Operation[];
  readonly problems: readonly string[];
}

const ROUND_MS = 200;
const TIMEOUT_MS = 60;
/** When the group drops a silent member, and when somebody takes over. */
const EXPIRE_MS = 150;
const TAKEOVER_MS = 250;
/** Dead letters take their time: a round must wait for them. */
const LETTER_MS = 15;
/** How long a paused process stands still, and when it learns that it is out. */
const PAUSE_MS = 1500;
const TELL_MS = 600;
const SEED = 20_261_121;

/** Plays the run with this strike. */
export async function playReference({ at, fate, tasks, mutations, folder, store }: Strike): Promise<StrikeResult> {
  const world = new World({
    seed: SEED,
    topics: [{ topic: "orders", partitions: 4 }],
    fetchRecordsMax: 6,
    mutations,
    folder,
    store,
    connector: {
      commitIntervalMs: ROUND_MS,
      commitTimeoutMs: TIMEOUT_MS,
      lateMax: 20,
      autoOffsetReset: "earliest",
      partitionBy: [],
      fileBytesMax: 1 << 20,
      memoryBytes: 1 << 24,
      topicRecreated: "fail",
      schemaEvolution: "add",
      commitRecordsMax: 0,
      stagedAgeMaxMs: 3_600_000,
      messageMsMax: 2,
      retryTimeoutMs: 2000,
      putTimeoutMs: 600_000,
      restartMax: 10,
    },
  });
  const latencies = new Seeded(SEED);
  const operations: Operation[] = [];
  let struck: Operation | null = null;
  const first: Fortune = {
    fateOf(operation) {
      operations.push(operation);
      if (operation.number !== at) return "ok";
      struck = operation;
      followUp(world, fate, tasks, calm(latencies));
      return fate;
    },
    latencyMs: (operation) => {
      if (isLate(operation, operations)) return TIMEOUT_MS * 1.5;
      return operation.kind === "kafka.send" ? LETTER_MS : latencies.next() * 4;
    },
    landsAfterDeath: () => false,
  };
  const produce = (count: number, wide: "no" | "yes") =>
    world.source.produce("orders", count, { poison: 0.1, gap: 0.1, wide });
  produce(24, "no");
  world.start(2, first);
  for (let round = 1; round <= 5; round++) {
    await world.run(ROUND_MS);
    produce(12, round < 3 ? "no" : "yes");
    if (round === 2) world.source.endTransaction("orders", 1);
  }
  await world.complete(2000);
  await world.run(3 * ROUND_MS);
  // A process that failed is started again, as a supervisor does.
  if (world.processes.every(({ life }) => life.isDead)) world.start(tasks, calm(latencies));
  await world.complete(60_000);
  if (struck && isStrikeOnProcess(fate)) {
    // Whoever slept is awake by now, and there is something to fight about.
    produce(12, "yes");
    await world.run(PAUSE_MS + TELL_MS);
    produce(12, "yes");
    await world.complete(60_000);
    await world.run(1000);
  }
  return { world, struck, operations, problems: await verify(world, { isQuiet: true }) };
}

/** One round's files of the second task take longer than the round waits. */
function isLate({ kind, life }: Operation, operations: readonly Operation[]): boolean {
  if (kind !== "storage.close" || !life.name.includes("task-1")) return false;
  return operations.filter((operation) => operation.kind === kind && operation.life === life).length === 2;
}

/** Another process takes over; one that was paused wakes up later, and learns still later that it is out. */
function followUp(world: World, fate: Fate, tasks: number, fortune: Fortune): void {
  if (!isStrikeOnProcess(fate)) return;
  const [{ life }] = world.processes;
  world.time.after(EXPIRE_MS, () => world.kafka.group.expire(life));
  world.time.after(TAKEOVER_MS, () => world.start(tasks, fortune));
  if (fate === "pause-before" || fate === "pause-after") {
    world.time.after(PAUSE_MS, () => {
      life.resume();
      world.source.produce("orders", 8, { poison: 0.1, gap: 0, wide: "yes" });
    });
    world.time.after(PAUSE_MS + TELL_MS, () => void world.kafka.group.tellZombies());
  }
}

function isStrikeOnProcess(fate: Fate): boolean {
  return fate.startsWith("crash") || fate.startsWith("pause");
}

function calm(random: Seeded): Fortune {
  return { fateOf: () => "ok", latencyMs: () => random.next() * 4, landsAfterDeath: () => false };
}
