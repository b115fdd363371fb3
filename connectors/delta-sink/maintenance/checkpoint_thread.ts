/**
 * The thread of checkpoints: takes a request, answers, and is ended by who asked.
 *
 * @module
 */
import type { StorageUsage } from "../../../mod.ts";
import { openStorage } from "../storage/open.ts";
import type { S3Settings } from "../storage/s3/options.ts";
import { StorageMeter } from "../storage/usage.ts";
import { writeCheckpoint, type WrittenCheckpoint } from "./checkpoint.ts";

/** What to write. */
export interface CheckpointRequest {
  readonly uri: string;
  /** How to reach S3. */
  readonly s3?: S3Settings;
  readonly version: bigint;
  /** Wall time, ms since 1970 UTC. */
  readonly nowMs: number;
}

/** What became of it, and what it took. */
export type CheckpointReply =
  & { readonly usage: readonly StorageUsage[] }
  & ({ readonly written: WrittenCheckpoint } | { readonly error: string });

const thread = self as unknown as {
  onmessage: (event: MessageEvent<CheckpointRequest>) => Promise<void>;
  postMessage(reply: CheckpointReply): void;
};

thread.onmessage = async ({ data: { uri, s3, version, nowMs } }) => {
  const meter = new StorageMeter();
  try {
    const written = await writeCheckpoint(openStorage(uri, { s3, meter }), version, nowMs);
    thread.postMessage({ written, usage: meter.snapshot() });
  } catch (error) {
    thread.postMessage({ error: error instanceof Error ? error.message : String(error), usage: meter.snapshot() });
  }
};
