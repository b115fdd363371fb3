/**
 * The real program as a process of its own, started as `deno task start` does, and the scratch folder that it works in.
 * Whatever a test started ends with its scratch folder, also when the test fails.
 *
 * @module
 */
import { systemClock } from "../../runtime/clock.ts";
import type { ConnectorResult } from "../../runtime/run_result.ts";
import type { TableInspection } from "../../connectors/delta-sink/inspect.ts";
import { openStorage } from "../../connectors/delta-sink/storage/open.ts";
import type { Storage } from "../../connectors/delta-sink/storage/storage.ts";
import type { ObjectStoreAccess } from "../../runtime/cli/services/object_store.ts";
import { s3OptionsOf, s3SettingsOf } from "../support/object_store.ts";
import { freshName, services, until } from "./support.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** How long a drain of a test may take. */
const DRAIN_MS = 60_000;

/** Options of one instance, as in the configuration file. */
export type Options = Readonly<Record<string, unknown>>;

/** What a run that has ended left. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running program. */
export class Program {
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ended>;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  #hasEnded = false;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: ROOT,
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    this.pid = child.pid;
    const texts = Promise.all([
      collect(child.stdout, (text) => this.stdout += text),
      collect(child.stderr, (text) => this.stderr += text),
    ]);
    this.ended = (async () => {
      const { code } = await child.status;
      await texts;
      this.#hasEnded = true;
      return { code, stdout: this.stdout, stderr: this.stderr };
    })();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** How often a text is in what it said on stderr. */
  count(text: string): number {
    return this.stderr.split(text).length - 1;
  }

  /** Waits until stderr has a text `times` times; fails where the program ends before. */
  async says(text: string, times = 1, timeoutMs = 30_000): Promise<void> {
    await this.while(`it says "${text}" ${times} times`, () => this.count(text) >= times, timeoutMs);
  }

  /** Waits until something holds; fails where the program ends before. */
  async while(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
    try {
      await until(what, async () => {
        if (await holds()) return true;
        if (this.#hasEnded) throw new Error(`The program ended before ${what}`);
        return false;
      }, timeoutMs);
    } catch (error) {
      throw new Error(`${(error as Error).message}; it said:\n${this.stderr.slice(-4000)}\n${this.stdout}`);
    }
  }

  signal(signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (!this.#hasEnded) this.#child.kill(signal);
  }

  /** SIGKILL; returns when it is gone. */
  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it ended in between
    }
    await this.ended;
  }

  /** SIGTERM; returns what it left. Fails where it does not end in time. */
  async stop(timeoutMs = 35_000): Promise<Ended> {
    this.signal("SIGTERM");
    return await this.end(timeoutMs);
  }

  /** What it left; fails where it does not end in time. */
  async end(timeoutMs = DRAIN_MS): Promise<Ended> {
    const waiting = new AbortController();
    const late = systemClock.sleep(timeoutMs, waiting.signal).then(() => null, () => null);
    const ended = await Promise.race([this.ended, late]);
    waiting.abort();
    if (ended === null) {
      throw new Error(`The program does not end within ${timeoutMs} ms; it said:\n${this.stderr.slice(-4000)}`);
    }
    return ended;
  }
}

/** A folder, the processes that use it, and a name that no other test uses. */
export class Scratch implements AsyncDisposable {
  readonly name: string;
  /** What its programs find in their environment, beside ours. */
  env: Readonly<Record<string, string>> = {};
  readonly #programs: Program[] = [];
  readonly #after: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly dir: string,
    readonly bootstrap: string,
    readonly registryUrl: string,
    readonly store: ObjectStoreAccess | null,
  ) {
    this.name = freshName("run");
  }

  /** On the shared broker and registry, or on others; tables on local files, or in an object store. */
  static async make(
    where?: { bootstrap: string; registryUrl: string } | null,
    store: ObjectStoreAccess | null = null,
  ): Promise<Scratch> {
    const { bootstrap, registryUrl } = where ?? await services();
    return new Scratch(await Deno.makeTempDir({ prefix: "sluice-run-" }), bootstrap, registryUrl, store);
  }

  /** Where the table of a topic is. */
  table(topic: string): string {
    return this.store ? `s3://${this.store.bucket}/${this.name}/${topic}` : `${this.dir}/lake/${topic}`;
  }

  /** The files of a topic's table. */
  storage(topic: string): Storage {
    return openStorage(this.table(topic), this.store ? { s3: s3SettingsOf(this.store) } : {});
  }

  /** Runs at the end, last in, first out. */
  defer(end: () => Promise<unknown>): void {
    this.#after.push(end);
  }

  /** Writes a configuration with one instance; returns its path. `worker` holds keys of the worker section. */
  async config(options: Options, worker: Options = {}): Promise<string> {
    const path = `${this.dir}/${crypto.randomUUID()}.yaml`;
    const config = {
      "bootstrap.servers": this.bootstrap,
      "schema.registry.url": this.registryUrl,
      "http.listen": "off",
      "task.restart.backoff.ms": 200,
      ...worker,
      connectors: {
        [this.name]: {
          connector: "delta-sink",
          "value.converter": "json",
          "table.uri": this.table("${topic}"),
          ...this.store ? s3OptionsOf(this.store) : {},
          "commit.interval.ms": 1000,
          ...(options["errors.deadletterqueue.topic.name"]
            ? { "errors.tolerance": "all", "errors.deadletterqueue.topic.replication.factor": 1 }
            : {}),
          ...options,
        },
      },
    };
    await Deno.writeTextFile(path, JSON.stringify(config, null, 2)); // JSON is YAML
    return path;
  }

  /** Starts `start` with a configuration. */
  start(config: string, ...flags: string[]): Program {
    return this.run("start", "--connector", "delta-sink", "--config", config, ...flags);
  }

  /** Starts any command. */
  run(...args: string[]): Program {
    const program = new Program([...programArgs(), ...args], this.env);
    this.#programs.push(program);
    return program;
  }

  /** Drains; fails unless it exits with 0. */
  async drain(config: string, ...flags: string[]): Promise<ConnectorResult> {
    return resultOf(await this.start(config, "--until-caught-up", ...flags).end());
  }

  /** `table inspect --json`. */
  async inspect(topic: string): Promise<TableInspection> {
    const sets = Object.entries(this.store ? s3OptionsOf(this.store) : {}).flatMap((
      [key, value],
    ) => ["--set", `${key}=${value}`]);
    const { code, stdout, stderr } = await this.run("table", "inspect", this.table(topic), "--json", ...sets).end();
    if (code !== 0) throw new Error(`table inspect ended with ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program.kill();
    for (const end of this.#after.reverse()) await end();
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** The JSON result of a drain with one connector. */
export function resultOf({ code, stdout, stderr }: Ended): ConnectorResult {
  if (code !== 0) throw new Error(`The drain ended with ${code}; it said:\n${stderr.slice(-4000)}\n${stdout}`);
  const { connectors, complete } = JSON.parse(stdout);
  if (complete !== true || connectors.length !== 1) throw new Error(`Not what a drain prints: ${stdout}`);
  return connectors[0];
}

/** What `deno task start` runs, without the shell around it and without `start`. */
function programArgs(): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
  return tasks.start.split(" ").slice(1, -1);
}

async function collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    add(text);
  }
}
