/**
 * What stands around the program while a cluster is shaken: records produced all the while by an independent client that
 * keeps a journal, the offsets that the table holds, and what the program says.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../runtime/clock.ts";
import { python, runPython } from "../support/python.ts";
import type { Program } from "./program.ts";
import { until } from "./support.ts";
import { originOf, readAll } from "./topics.ts";

/** Where to send, and how much. */
export interface TrafficOptions {
  readonly bootstrap: string;
  readonly topic: string;
  readonly partitions: number;
  /** Records a second, over all partitions. Default 1000. */
  readonly rate?: number;
  /** Every how manieth record is no JSON; 0 (the default): none. */
  readonly poisonEvery?: number;
}

/**
 * A producer with acks=all, idempotent (librdkafka), that never stops for long. What was acknowledged is in its journal; a
 * send that failed leaves its records in doubt: they may be in the log or not.
 */
export class Traffic {
  /** Acknowledged: the record's number by its place, e.g. `3@17`. */
  readonly journal = new Map<string, number>();
  /** Those that are no JSON: their places. */
  readonly poison = new Set<string>();
  /** The next offset after the last acknowledged one, by partition. */
  readonly ends = new Map<number, number>();
  failures = 0;
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    const texts = child.stdout.pipeThrough(
      new TextDecoderStream() as TransformStream<Uint8Array<ArrayBuffer>, string>,
    );
    this.#ended = (async () => {
      let rest = "";
      for await (const text of texts) {
        const lines = (rest + text).split("\n");
        rest = lines.pop()!;
        lines.forEach((line) => this.#hear(line));
      }
    })();
  }

  static async start({ bootstrap, topic, partitions, rate = 1000, poisonEvery = 0 }: TrafficOptions): Promise<Traffic> {
    const script = new URL("cluster_traffic.py", import.meta.url).pathname;
    const args = [script, bootstrap, topic, ...[partitions, rate, poisonEvery].map(String)];
    const command = new Deno.Command(await python("confluent"), { args, stdin: "piped", stdout: "piped" });
    return new Traffic(command.spawn());
  }

  /** Sends nothing more; returns when the last record is answered. */
  async stop(): Promise<void> {
    await this.#child.stdin.close().catch(() => {}); // stopped before
    await this.#ended;
    await this.#child.status;
  }

  #hear(line: string): void {
    if (line.startsWith("!")) {
      if (this.failures++ === 0) console.log(`  a send failed: ${line}`);
      return;
    }
    const [partition, offset, id, isPoison] = line.split(" ").map(Number);
    const place = `${partition}@${offset}`;
    if (isPoison) this.poison.add(place);
    else this.journal.set(place, id);
    this.ends.set(partition, Math.max(this.ends.get(partition) ?? 0, offset + 1));
  }
}

/** The offsets that a table of a folder holds, by partition: its own log, without any reader of ours. */
export class TableWatch {
  readonly offsets = new Map<number, number>();
  commits = 0;
  #version = 0;
  /** One after the other: two at once would read a version twice. */
  #reading: Promise<void> = Promise.resolve();

  constructor(private readonly table: string) {}

  /** Reads the versions that were added since. */
  refresh(): Promise<void> {
    return this.#reading = this.#reading.then(() => this.#read());
  }

  async #read(): Promise<void> {
    while (true) {
      const name = String(this.#version).padStart(20, "0");
      let text: string;
      try {
        text = await Deno.readTextFile(`${this.table}/_delta_log/${name}.json`);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return;
        throw error;
      }
      for (const line of text.split("\n")) {
        if (!line.startsWith('{"txn"')) continue;
        const { appId, version } = JSON.parse(line).txn;
        this.offsets.set(Number(appId.slice(appId.lastIndexOf("/") + 1)), version);
      }
      this.commits++;
      this.#version++;
    }
  }

  /** Whether it holds everything before these offsets. */
  async holds(ends: ReadonlyMap<number, number>): Promise<boolean> {
    await this.refresh();
    return [...ends].every(([partition, end]) => (this.offsets.get(partition) ?? 0) >= end);
  }
}

/**
 * How far the table is behind what was acknowledged, in time: looked at all the while. What the producer itself could not
 * bring to a partition without a leader is no lag of ours.
 */
export class LagMeter {
  /** The worst since the last `reset()`. */
  worstMs = 0;
  readonly #samples: { readonly atMs: number; readonly ends: ReadonlyMap<number, number> }[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(private readonly traffic: Traffic, readonly watch: TableWatch) {
    this.#running = this.#run();
    this.#running.catch(() => {}); // told by `stop`
  }

  reset(): void {
    this.worstMs = 0;
  }

  /** Waits until all that is acknowledged by now is in the table, and returns how long that took. Fails after `limitMs`. */
  async back(what: string, limitMs: number): Promise<number> {
    const from = systemClock.monotonic();
    const ends = new Map(this.traffic.ends);
    try {
      await until(`${what}: all is in the table`, () => this.watch.holds(ends), limitMs);
    } catch (error) {
      const behind = [...ends].filter(([p, end]) => (this.watch.offsets.get(p) ?? 0) < end)
        .map(([p, end]) => `${p}: ${this.watch.offsets.get(p)} of ${end}`);
      throw new Error(`${(error as Error).message}; behind: ${behind.join(", ")}`);
    }
    const tookMs = systemClock.monotonic() - from;
    console.log(`  ${what}: back after ${seconds(tookMs)}, the worst lag since the last line ${seconds(this.worstMs)}`);
    this.reset();
    return tookMs;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const now = systemClock.monotonic();
      this.#samples.push({ atMs: now, ends: new Map(this.traffic.ends) });
      await this.watch.refresh();
      while (this.#samples.length > 0 && await this.watch.holds(this.#samples[0].ends)) this.#samples.shift();
      if (this.#samples.length > 0) this.worstMs = Math.max(this.worstMs, now - this.#samples[0].atMs);
      await systemClock.sleep(100, this.#stopping.signal).catch(() => {}); // told to stop
    }
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Fails unless a table holds each acknowledged record once, in its place, and nothing twice. By delta-rs. */
export async function assertJournal(table: string, traffic: Traffic): Promise<void> {
  const text = await runPython(
    `
import sys, deltalake
t = deltalake.DeltaTable(sys.argv[1]).to_pyarrow_table(columns=["_kafka_partition", "_kafka_offset", "id"])
print("\\n".join(f"{p}@{o} {i}" for p, o, i in zip(*[t.column(n).to_pylist() for n in t.schema.names])))`,
    table,
  );
  const rows = text.split("\n").filter((line) => line !== "").map((line) => line.split(" "));
  const found = new Map(rows.map(([place, id]) => [place, Number(id)]));
  assertEquals(rows.length - found.size, 0, "rows that are there twice");
  const wrong = [...traffic.journal].filter(([place, id]) => found.get(place) !== id)
    .map(([place, id]) => `${place} is ${found.get(place)}, acknowledged was ${id}`);
  assertEquals(wrong.slice(0, 10), [], `${wrong.length} of ${traffic.journal.size} acknowledged are not there`);
  console.log(`  ${rows.length} rows, ${traffic.journal.size} acknowledged, ${traffic.failures} sends failed`);
}

/**
 * Fails unless every acknowledged record that is no JSON has its dead letter. A process that loses its session has sent
 * letters of records that the next one reads again: those come twice, by design.
 */
export async function assertLetters(
  bootstrap: string,
  letters: string,
  topic: string,
  traffic: Traffic,
): Promise<void> {
  const origins = (await readAll(bootstrap, letters)).map(originOf);
  const found = new Set(origins);
  const missing = [...traffic.poison].filter((place) => !found.has(`${topic}-${place}`));
  assertEquals(missing.slice(0, 10), [], `${missing.length} of ${traffic.poison.size} dead letters are not there`);
  console.log(`  ${origins.length} dead letters, ${origins.length - found.size} of them again`);
}

/** A line of the program's log (`"log.format": "json"`). */
export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** What a program has said, from the first line that is whole. */
export function linesOf(program: Program): LogLine[] {
  return program.stderr.split("\n").filter((line) => line.startsWith("{")).flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return []; // the last one, half written
    }
  });
}

/** Fails where a program died, restarted anything, or told of a bug. */
export function assertWell(program: Program): void {
  assert(!program.hasEnded, `The program ended:\n${program.stderr.slice(-4000)}`);
  assertCalm(program);
}

/** Fails where a program restarted anything, or told of a bug. */
export function assertCalm(program: Program): void {
  const errors = linesOf(program).filter(({ level }) => level === "error");
  assertEquals(errors, [], "errors in the program's log");
  const odd = program.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
  assertEquals(odd, [], "what is no line of the log, e.g. a trace");
  const traces = linesOf(program).filter((line) => /\n {4}at |TypeError|AssertionError/.test(JSON.stringify(line)));
  assertEquals(traces, [], "traces in the program's log");
}

/** The warnings of a program, each once with its number, for the report of a run. */
export function tellWarnings(program: Program): void {
  const counts = new Map<string, number>();
  for (const { level, message, error } of linesOf(program)) {
    if (level === "warn") counts.set(`${message}: ${error ?? ""}`, (counts.get(`${message}: ${error ?? ""}`) ?? 0) + 1);
  }
  for (const [text, count] of counts) console.log(`  warned ${count} times: ${text.slice(0, 220)}`);
}

/** The processor time that a process has used, in ms (Linux). */
export async function cpuMs(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
