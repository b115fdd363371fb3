/**
 * The life of one local server: started, stopped and killed at will, on one port, with one data folder.
 *
 * @module
 */
import type { Clock } from "../../api/clock.ts";
import { endProcess, isAlive, type StartedProcess, startProcess, untilReady } from "./process.ts";

/** A server that tests stop and start in mid-run. */
export interface ServerHandle {
  readonly pid: number;
  readonly mark: string;
  readonly port: number;
  readonly dir: string;
  readonly logFile: string;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** Ends it in good order; port and data stay, for `start()`. */
  halt(): Promise<void>;
  /** SIGKILL; port and data stay, for `start()`. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data; returns when it is ready. */
  start(): Promise<void>;
  /** `halt()`, then `start()`. */
  restart(): Promise<void>;
}

/** What a kind of server says about itself. */
export interface ServerSpec {
  readonly what: string;
  readonly port: number;
  /** Holds everything that it writes; removed by `stop()`. */
  readonly dir: string;
  readonly logFile: string;
  readonly mark: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly detached: boolean;
  readonly graceMs: number;
  readonly ready: () => Promise<boolean>;
}

/** Starts it and waits until it answers. */
export async function startServer(spec: ServerSpec, clock: Clock): Promise<ServerHandle> {
  const server = new Server(spec, clock);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class Server implements ServerHandle {
  #process: StartedProcess | null = null;

  constructor(private readonly spec: ServerSpec, private readonly clock: Clock) {}

  get pid(): number {
    return this.#process?.pid ?? 0;
  }
  get mark(): string {
    return this.spec.mark;
  }
  get port(): number {
    return this.spec.port;
  }
  get dir(): string {
    return this.spec.dir;
  }
  get logFile(): string {
    return this.spec.logFile;
  }

  async start(): Promise<void> {
    if (this.#process && await isAlive(this.#process)) return;
    this.#process = startProcess(this.spec);
    await untilReady(this.spec.what, this.#process, this.spec.logFile, this.clock, this.spec.ready);
  }
  halt(): Promise<void> {
    return this.#end(this.spec.graceMs);
  }
  kill(): Promise<void> {
    return this.#end(0);
  }
  async restart(): Promise<void> {
    await this.halt();
    await this.start();
  }
  async stop(): Promise<void> {
    await this.#end(this.spec.graceMs);
    await removeDir(this.spec.dir);
  }

  async #end(graceMs: number): Promise<void> {
    const process = this.#process;
    if (!process) return;
    this.#process = null;
    await endProcess(process, this.clock, graceMs);
    await process.ended();
  }
}

/** Removes a folder; one that is gone is fine. */
export async function removeDir(dir: string): Promise<void> {
  try {
    await Deno.remove(dir, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
