/**
 * A topic while its cluster or its readers are shaken: its traffic, its table, how far that is behind, and what is asserted
 * of the program.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { assertCalm, assertJournal, LagMeter, TableWatch, tellWarnings, Traffic } from "./cluster_traffic.ts";
import type { Options, Program, Scratch } from "./program.ts";

/** Whether faults last as long as production knows them: `CLUSTER_FAULTS=long`. */
export const LONG = Deno.env.get("CLUSTER_FAULTS") === "long";

/** After a fault has ended, everything that was acknowledged until then is to be in the table within this. */
export const BACK_MS = 15_000;

/** Records a second, and how they are. */
export interface ShakenOptions {
  readonly partitions: number;
  readonly rate?: number;
  readonly poisonEvery?: number;
}

/** A topic with its traffic, its table, and how far that is behind. Ends with its scratch folder. */
export class Shaken {
  private constructor(
    readonly topic: string,
    readonly table: string,
    readonly traffic: Traffic,
    readonly lag: LagMeter,
  ) {}

  /** The topic must be there. */
  static async start(scratch: Scratch, topic: string, options: ShakenOptions): Promise<Shaken> {
    const table = scratch.table(topic);
    const traffic = await Traffic.start({ bootstrap: scratch.bootstrap, topic, ...options });
    const lag = new LagMeter(traffic, new TableWatch(table));
    scratch.defer(() => Promise.all([traffic.stop(), lag.stop()]));
    return new Shaken(topic, table, traffic, lag);
  }

  /** Sends nothing more; returns when everything is in the table. */
  async end(): Promise<void> {
    await this.traffic.stop();
    await this.lag.back("nothing more is sent", BACK_MS);
    await this.lag.stop();
  }

  /** Fails unless the table holds each acknowledged record once. */
  assertComplete(): Promise<void> {
    return assertJournal(this.table, this.traffic);
  }
}

/** A configuration that commits twice a second and tells of each row where it is from. */
export function shakenConfig(scratch: Scratch, all: readonly Shaken[], options: Options): Promise<string> {
  return scratch.config({
    topics: all.map(({ topic }) => topic),
    "tasks.max": 2,
    "commit.interval.ms": 500,
    "columns.kafka": ["partition", "offset"],
    ...options,
  }, { "log.format": "json" });
}

/** Keeps what programs said where `CLUSTER_LOGS` names a folder. */
export function keepLogs(scratch: Scratch, programs: readonly Program[]): void {
  const folder = Deno.env.get("CLUSTER_LOGS");
  if (!folder) return;
  scratch.defer(() =>
    Promise.all(programs.map((program, i) => Deno.writeTextFile(`${folder}/${scratch.name}-${i}.log`, program.stderr)))
  );
}

/** Waits until it commits; from then on lags count. */
export async function untilCommitting(program: Program, all: readonly Shaken[]): Promise<void> {
  await program.while("the first commits are there", () => all.every(({ lag }) => lag.watch.commits > 2), 180_000);
  for (const { lag } of all) lag.reset();
}

/** Ends a program that nothing was wrong with. */
export async function assertEnds(program: Program): Promise<void> {
  await program.says("Starting"); // before, a signal ends it as it ends any process
  const { code } = await program.stop();
  tellWarnings(program);
  assertEquals(code, 0, "the program's exit code");
  assertCalm(program);
}
