/**
 * Checkpoints in the background: one at a time, on a thread that ends when none is left to do, never on the commit path.
 * One that fails is logged and counted, and the next one covers it.
 *
 * @module
 */
import type { Clock, Log } from "../../../mod.ts";
import type { S3Settings } from "../storage/s3/options.ts";
import type { Storage } from "../storage/storage.ts";
import type { StorageMeter } from "../storage/usage.ts";
import { writeCheckpoint, type WrittenCheckpoint } from "./checkpoint.ts";
import type { CheckpointReply, CheckpointRequest } from "./checkpoint_thread.ts";

/** What checkpoints need. */
export interface CheckpointerOptions {
  readonly openTable: (table: string) => Storage;
  /** How the thread reaches S3. */
  readonly s3?: S3Settings;
  /** Counts what the thread asked of the storage. */
  readonly meter?: StorageMeter;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFailed?: (table: string, version: bigint, error: Error) => void;
}

/** Takes checkpoints on. */
export interface Checkpointer {
  /** Returns at once. */
  due(table: string, version: bigint): void;
  /** Waits for those that were asked for. */
  stop(): Promise<void>;
}

/** See the module's doc. */
export function createCheckpointer({ openTable, s3, meter, clock, log, onFailed }: CheckpointerOptions): Checkpointer {
  let tail: Promise<void> = Promise.resolve();
  const newest = new Map<string, bigint>();
  const thread = new CheckpointThread(meter);
  const write = async (table: string, version: bigint) => {
    if (newest.get(table) !== version) return; // a newer one of the table waits: it covers this
    newest.delete(table);
    const startMs = clock.monotonic();
    try {
      const storage = openTable(table);
      const { rows, bytes } = isShared(storage.uri)
        ? await thread.write({ uri: storage.uri, s3, version, nowMs: clock.now() })
        : await writeCheckpoint(storage, version, clock.now());
      log.info("A checkpoint is written", { table, version, rows, bytes, ms: Math.round(clock.monotonic() - startMs) });
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      log.error("A checkpoint failed; the table is complete without it", { table, version, error: cause.message });
      onFailed?.(table, version, cause);
    }
  };
  return {
    due(table, version) {
      newest.set(table, version);
      tail = tail.then(() => write(table, version)).then(() => {
        if (newest.size === 0) thread.end();
      });
    },
    stop: () => tail,
  };
}

/** What another thread can open again: not memory, nor a test's own storage. */
function isShared(uri: string): boolean {
  return !uri.startsWith("memory:");
}

/** After so many the thread is a new one: what it has left behind is more than what it holds. */
const CHECKPOINTS_MAX = 50;

/** Starts with the first request, and again after `end`: hundreds of tables come due together, and a start is dear. */
class CheckpointThread {
  #worker: Worker | null = null;
  #written = 0;

  constructor(private readonly meter?: StorageMeter) {}

  /** One request at a time. */
  async write(request: CheckpointRequest): Promise<WrittenCheckpoint> {
    const url = new URL("./checkpoint_thread.ts", import.meta.url);
    const worker = this.#worker ??= new Worker(url, { type: "module", name: "checkpoint" });
    const { promise, resolve, reject } = Promise.withResolvers<WrittenCheckpoint>();
    worker.onmessage = ({ data }: MessageEvent<CheckpointReply>) => {
      this.meter?.add(data.usage);
      if ("written" in data) resolve(data.written);
      else reject(new Error(data.error));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.end(); // it runs no more
      reject(new Error(event.message));
    };
    worker.postMessage(request);
    const written = await promise;
    if (++this.#written % CHECKPOINTS_MAX === 0) this.end();
    return written;
  }

  end(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }
}
