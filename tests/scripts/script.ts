/**
 * Conversations with the coordinator as text. A line is an event; the indented lines below it are the effects that the
 * step answers with. `SLUICE_REWRITE_SCRIPTS=1 deno task test:unit` writes the effects anew: read the diff.
 *
 * @module
 */
import type { CommitOutcome, OffsetRange, TopicPartition } from "../../mod.ts";
import {
  type CoordinatorEffect,
  type CoordinatorEvent,
  initialState,
  type TaskShare,
} from "../../runtime/coordinator_state.ts";
import { step } from "../../runtime/coordinator.ts";

/** Runs a script and returns it with the effects that the steps gave. */
export function runScript(text: string): string {
  let state = initialState({ commitIntervalMs: 60_000, commitTimeoutMs: 10_000, lateMax: 3 }, 0);
  const out: string[] = [];
  for (const line of text.split("\n")) {
    if (/^\s+\S/.test(line)) continue; // effects of before: written anew
    out.push(line);
    if (line === "" || line.startsWith("#")) {
      if (line.startsWith("# ---")) state = initialState(state.options, 0);
      continue;
    }
    const [next, effects] = step(state, parseEvent(line, state));
    state = next;
    out.push(...effects.map((effect) => `    ${effectText(effect)}`));
  }
  return out.join("\n");
}

function parseEvent(line: string, state: ReturnType<typeof initialState>): CoordinatorEvent {
  const [kind, ...words] = line.split(/\s+/);
  switch (kind) {
    case "tick":
      return { kind: "tick", nowMs: Number(words[0]) };
    case "join":
      return { kind: "task-joined", task: Number(words[0]) };
    case "leave":
      return { kind: "task-left", task: Number(words[0]) };
    case "assign":
      return { kind: "assigned", task: Number(words[0]), partitions: words.slice(1).map(parsePartition) };
    case "revoke":
      return { kind: "revoked", id: Number(words[0]), partitions: words.slice(1).map(parsePartition) };
    case "request":
      return { kind: "requested", nowMs: Number(words[0]) };
    case "flush":
      return { kind: "flush", id: Number(words[0]), nowMs: Number(words[1]) };
    case "prepared": {
      const task = Number(words[0]);
      const shares = words.slice(2).map((word) => parseShare(word, task, state));
      return { kind: "prepared", task, epoch: Number(words[1]), shares };
    }
    case "topic-failed":
      return { kind: "topic-failed", topic: words[0], why: words.slice(1).join(" ") };
    case "committed":
      return { kind: "committed", table: words[0], outcomes: words.slice(1).map(parseOutcome) };
    default:
      throw new SyntaxError(`No event is called "${kind}": ${line}`);
  }
}

function parsePartition(text: string): TopicPartition {
  const [topic, partition] = text.split("/");
  return { topic, topicId: `id-${topic}`, partition: Number(partition) };
}

/** `a:orders/0[0,40)+orders/1[0,10)`, and `@3` at the end for the epoch that it was read under: the current one else. */
function parseShare(text: string, task: number, state: ReturnType<typeof initialState>): TaskShare {
  const [, id, rest, epoch] = /^(\w+):(.*?)(?:@(\d+))?$/.exec(text)!;
  const ranges = rest.split("+").map((range): OffsetRange => {
    const [, partition, from, to] = /^(.*)\[(\d+),(\d+)\)$/.exec(range)!;
    return { ...parsePartition(partition), from: BigInt(from), to: BigInt(to), fromAbsent: from === "0" };
  });
  const keys = ranges.map(({ topic, partition }) => `${topic}/${partition}`);
  const epochs = keys.map((key) => [key, epoch ? Number(epoch) : state.assignments.get(key)?.epoch ?? 0]);
  return {
    task,
    epochs: Object.fromEntries(epochs),
    share: {
      id,
      table: ranges[0].topic,
      ranges,
      staged: null,
      stats: { rows: 0, files: 0, bytes: 0, timestampMsMax: null },
    },
  };
}

function parseOutcome(text: string): CommitOutcome {
  if (text === "failed") return { kind: "failed", why: "denied" };
  return text === "stale"
    ? { kind: "stale", why: "offsets", actual: [] }
    : { kind: "committed", version: BigInt(text) };
}

function effectText(effect: CoordinatorEffect): string {
  const names = (partitions: readonly TopicPartition[]) =>
    partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(" ");
  switch (effect.kind) {
    case "ask":
      return `ask ${effect.tasks.join(" ")} epoch=${effect.epoch}`;
    case "commit":
      return `commit ${effect.table} epoch=${effect.epoch} ${effect.shares.map(({ id }) => id).join(" ")}`;
    case "settle":
      return `settle ${effect.task} ${effect.share} ${effect.outcome.kind}`;
    case "open":
      return `${effect.reopened ? "reopen" : "open"} ${effect.task} ${names(effect.partitions)} @${effect.epoch}`;
    case "close":
      return `close ${effect.task} ${names(effect.partitions)}`;
    case "advance":
      return `advance ${effect.ranges.map(({ topic, partition, to }) => `${topic}/${partition}=${to}`).join(" ")}`;
    case "fail":
      return `fail ${effect.task}: ${effect.why}`;
    case "parked":
      return `parked ${effect.topic}: ${effect.why}`;
    case "flushed":
    case "released":
      return `${effect.kind} ${effect.id}`;
  }
}
