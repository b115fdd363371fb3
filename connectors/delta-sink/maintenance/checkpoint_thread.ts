/**
 * The thread of one checkpoint: takes one request, answers, and is ended by who asked.
 *
 * @module
 */
import { openStorage } from "../storage/open.ts";
import { writeCheckpoint, type WrittenCheckpoint } from "./checkpoint.ts";

/** What to write. */
export interface CheckpointRequest {
  readonly uri: string;
  readonly version: bigint;
  /** Wall time, ms since 1970 UTC. */
  readonly nowMs: number;
}

/** What became of it. */
export type CheckpointReply = { readonly written: WrittenCheckpoint } | { readonly error: string };

const thread = self as unknown as {
  onmessage: (event: MessageEvent<CheckpointRequest>) => Promise<void>;
  postMessage(reply: CheckpointReply): void;
};

thread.onmessage = async ({ data: { uri, version, nowMs } }) => {
  try {
    thread.postMessage({ written: await writeCheckpoint(openStorage(uri), version, nowMs) });
  } catch (error) {
    thread.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
