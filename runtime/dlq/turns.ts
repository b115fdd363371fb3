/**
 * Who changes a queue's ledger does it alone: by the producer's id, which shuts out whoever had it. So that nobody is shut
 * out who is at work, whoever executes a run says so in the ledger from time to time; that is a courtesy, the id is the rule.
 *
 * @module
 */
import { type Clock, FatalError, type Log } from "../api/mod.ts";
import type { RecordProducer } from "../kafka/types.ts";
import { type Ledger, ledgerRecord } from "./ledger.ts";
import { type Holder, holderChange, holderOf, openRun } from "./run_record.ts";

/** This process, as others are told of it. */
export type Self = Pick<Holder, "host" | "pid">;

/** How often a holder says so. */
export const HOLDER_INTERVAL_MS = 5_000;
/** One that has not said so for this long is gone, or cannot write. */
const HOLDER_GONE_MS = 30_000;

/** What taking turns needs. */
export interface TurnParts {
  readonly read: () => Promise<Ledger>;
  readonly clock: Clock;
  readonly self: Self;
  /** Whether a process of this host is there; null: not to be known. */
  readonly isAlive: (pid: number) => Promise<boolean | null>;
  /** How long to wait for a run that another process executes. */
  readonly waitMs: number;
  readonly say: (line: string) => void;
}

/** Resolves once nobody seems to work at the queue. Throws FatalError, who it is, where that takes too long. */
export async function awaitTurn(parts: TurnParts): Promise<void> {
  const { clock, self, waitMs, say } = parts;
  const startMs = clock.monotonic();
  for (let first = true;; first = false) {
    const ledger = await parts.read();
    const run = openRun(ledger);
    const holder = run && holderOf(ledger, run.id);
    if (!run || !holder || !(await isThere(holder, parts))) return;
    const who = `process ${holder.pid} on ${holder.host}`;
    if (clock.monotonic() - startMs >= waitMs) {
      throw new FatalError(
        `Cannot begin: ${who} is at work on run ${run.id} of this queue, and runs on one queue take turns. Wait for it ` +
          "(--wait 10m), or end it and run this again: what it leaves is finished first",
      );
    }
    if (first && (holder.pid !== self.pid || holder.host !== self.host)) say(`Waiting for run ${run.id}: ${who}`);
    await clock.sleep(1_000);
  }
}

async function isThere({ host, pid, atMs }: Holder, { clock, self, isAlive }: TurnParts): Promise<boolean> {
  if (clock.now() - atMs > HOLDER_GONE_MS) return false;
  if (host !== self.host) return true;
  return pid !== self.pid && await isAlive(pid) !== false;
}

/** Says that this process works at a run, until it is told to stop. */
export async function hold<T>(
  runId: string,
  parts: {
    readonly deadLetterTopic: string;
    readonly producer: RecordProducer;
    readonly clock: Clock;
    readonly self: Self;
    readonly log: Log;
  },
  work: () => Promise<T>,
): Promise<T> {
  const { deadLetterTopic, producer, clock, self, log } = parts;
  const ended = new AbortController();
  const tell = () => {
    const change = holderChange(runId, { ...self, atMs: clock.now() });
    return producer.send([ledgerRecord(deadLetterTopic, change, clock.now())]);
  };
  await tell();
  const telling = (async () => {
    while (!ended.signal.aborted) {
      await clock.sleep(HOLDER_INTERVAL_MS, ended.signal).catch(() => {}); // aborted: the loop ends
      if (ended.signal.aborted) return;
      // Nothing depends on it: others would begin earlier than they should, and we would be shut out.
      await tell().catch((error) =>
        log.warn("Cannot say that the run is under way", { run: runId, error: String(error) })
      );
    }
  })();
  try {
    return await work();
  } finally {
    ended.abort();
    await telling;
  }
}
