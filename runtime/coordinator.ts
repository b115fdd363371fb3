/**
 * Two-phase commit as a pure step: `step(state, event) -> [state, effects]`. No clock, no Kafka, no storage, no promise;
 * events and effects are plain data, so that the same step serves the threads of one process and, over a topic, many.
 *
 * - A *round* asks every task to prepare. It ends when all have answered or at its deadline; then each table that has
 *   shares gets ONE commit. Commits of a table never overlap; tables do not wait for each other.
 * - A share counts only while every partition in it still has the epoch under which it was read. What arrives from an
 *   older epoch is dropped; when a share is stale or dropped, its partitions are opened again under a new epoch.
 * - A topic whose table fails is parked: the others go on.
 * - A late share keeps its files and joins the next round. A task that is late `lateMax` times in a row fails.
 *
 * @module
 */
import { type CommitOutcome, type OffsetRange, partitionKey, type TopicPartition } from "./api/mod.ts";
import type {
  Assignment,
  CoordinatorEffect,
  CoordinatorEvent,
  CoordinatorState,
  TaskShare,
} from "./coordinator_state.ts";

/** For shares that are void before they reach the committer. */
const STALE: CommitOutcome = { kind: "stale", why: "offsets", actual: [] };

type Draft = { -readonly [K in keyof CoordinatorState]: CoordinatorState[K] };
type Effects = CoordinatorEffect[];

/** What follows from an event: the next state, and what is to be done, in this order. Neither argument is changed. */
export function step(
  state: CoordinatorState,
  event: CoordinatorEvent,
): [CoordinatorState, readonly CoordinatorEffect[]] {
  const next: Draft = { ...state };
  const effects: Effects = [];
  switch (event.kind) {
    case "tick":
      onTick(next, effects, event.nowMs);
      break;
    case "task-joined":
      next.tasks = new Map(next.tasks).set(event.task, { asked: null, late: 0 });
      break;
    case "task-left":
      onTaskLeft(next, effects, event.task);
      break;
    case "assigned":
      open(next, effects, event.task, event.partitions, false);
      break;
    case "revoked":
      onRevoked(next, effects, event.id, event.partitions);
      break;
    case "requested":
      if (!next.round) startRound(next, effects, event.nowMs);
      break;
    case "flush":
      onFlush(next, effects, event.id, event.nowMs);
      break;
    case "prepared":
      onPrepared(next, effects, event);
      break;
    case "topic-failed":
      park(next, effects, event.topic, event.why);
      break;
    case "committed":
      onCommitted(next, effects, event.table, event.outcomes);
      break;
  }
  commitWhatIsDue(next, effects);
  endRevocations(next, effects);
  endParking(next, effects);
  endFlushes(next, effects);
  return [next, effects];
}

function onTick(next: Draft, effects: Effects, nowMs: number): void {
  if (next.round && nowMs >= next.round.deadlineMs) {
    const tasks = new Map(next.tasks);
    for (const task of next.round.waiting) {
      const late = (tasks.get(task)?.late ?? 0) + 1;
      tasks.set(task, { asked: tasks.get(task)?.asked ?? null, late });
      if (late >= next.options.lateMax) {
        effects.push({
          kind: "fail",
          task,
          why: `it has not prepared in ${late} rounds in a row, each of ${next.options.commitTimeoutMs} ms`,
        });
      }
    }
    next.tasks = tasks;
    endRound(next);
  }
  if (!next.round && nowMs >= next.nextRoundMs) startRound(next, effects, nowMs);
}

/** Asks every task that is not already busy with an answer; one that is late joins with the answer that it owes. */
function startRound(next: Draft, effects: Effects, nowMs: number): void {
  next.epoch++;
  next.nextRoundMs = nowMs + next.options.commitIntervalMs;
  const free = [...next.tasks].filter(([, task]) => task.asked === null).map(([id]) => id);
  next.round = {
    epoch: next.epoch,
    deadlineMs: nowMs + next.options.commitTimeoutMs,
    waiting: [...next.tasks.keys()],
  };
  const tasks = new Map(next.tasks);
  for (const id of free) tasks.set(id, { ...tasks.get(id)!, asked: next.epoch });
  next.tasks = tasks;
  if (free.length > 0) effects.push({ kind: "ask", tasks: free, epoch: next.epoch });
  if (next.round.waiting.length === 0) endRound(next);
}

function endRound(next: Draft): void {
  next.round = null;
  next.due = new Set([...next.due, ...next.queued.keys()]);
}

function onFlush(next: Draft, effects: Effects, id: number, nowMs: number): void {
  // A round under way may have passed a task before its latest records: only the one after it covers all of them.
  next.flushes = new Map(next.flushes).set(id, next.epoch + 1);
  if (next.round) next.nextRoundMs = nowMs;
  else startRound(next, effects, nowMs);
}

function onPrepared(
  next: Draft,
  effects: Effects,
  { task, epoch, shares }: { task: number; epoch: number; shares: readonly TaskShare[] },
): void {
  const known = next.tasks.get(task);
  if (!known) return;
  next.queued = new Map(next.queued);
  for (const share of shares) {
    if (isCurrent(next, share)) enqueue(next, share);
    else {
      effects.push(settle(share, STALE));
      reopen(next, effects, share);
    }
  }
  if (known.asked !== epoch) return;
  next.tasks = new Map(next.tasks).set(task, { asked: null, late: 0 });
  if (!next.round) return;
  next.round = { ...next.round, waiting: next.round.waiting.filter((id) => id !== task) };
  if (next.round.waiting.length === 0) endRound(next);
}

/** Whether every partition of the share is still the task's, under the epoch under which it was read. */
function isCurrent(state: CoordinatorState, share: TaskShare): boolean {
  return share.share.ranges.every((range) => isCurrentRange(state, share, range));
}

function isCurrentRange(state: CoordinatorState, { task, epochs }: TaskShare, range: OffsetRange): boolean {
  const assignment = state.assignments.get(partitionKey(range));
  return assignment !== undefined && assignment.task === task && assignment.epoch === epochs[partitionKey(range)] &&
    assignment.topicId === range.topicId;
}

/** Into `queued`, which is this step's own copy: one for each share would be a copy for each of hundreds of tables. */
function enqueue(next: Draft, share: TaskShare): void {
  const { table } = share.share;
  (next.queued as Map<string, readonly TaskShare[]>).set(table, [...next.queued.get(table) ?? [], share]);
}

function onCommitted(next: Draft, effects: Effects, table: string, outcomes: readonly CommitOutcome[]): void {
  const shares = next.committing.get(table);
  if (!shares) throw new Error(`Cannot settle table "${table}": nothing of it is being committed`);
  if (shares.length !== outcomes.length) {
    throw new Error(`Cannot settle table "${table}": ${shares.length} shares, ${outcomes.length} outcomes`);
  }
  const committing = new Map(next.committing);
  committing.delete(table);
  next.committing = committing;
  const ranges = shares.flatMap(({ share }, i) => outcomes[i].kind === "committed" ? share.ranges : []);
  if (ranges.length > 0) effects.push({ kind: "advance", ranges: lastOfEach(ranges) });
  shares.forEach((share, i) => effects.push(settle(share, outcomes[i])));
  shares.forEach((share, i) => {
    const outcome = outcomes[i];
    if (outcome.kind === "stale") reopen(next, effects, share);
    if (outcome.kind !== "failed") return;
    for (const topic of new Set(share.share.ranges.map((range) => range.topic))) {
      park(next, effects, topic, outcome.why);
    }
  });
}

/**
 * A share that is void voids what its task has of ALL its partitions that are still the task's: they are opened again,
 * under a new epoch, and queued shares that hold rows of them are dropped, which voids those in turn. So no share that
 * was prepared after a void one can ever be committed, whatever the table's offsets happen to be.
 */
function reopen(next: Draft, effects: Effects, share: TaskShare): void {
  const current = share.share.ranges.filter((range) => isCurrentRange(next, share, range)).map(plain);
  if (current.length === 0) return;
  open(next, effects, share.task, current, true);
  dropQueued(next, effects, (queued) => !isCurrent(next, queued));
}

function open(
  next: Draft,
  effects: Effects,
  task: number,
  partitions: readonly TopicPartition[],
  reopened: boolean,
): void {
  if (partitions.length === 0) return;
  next.assignmentEpoch++;
  const assignments = new Map(next.assignments);
  for (const { topic, topicId, partition } of partitions) {
    assignments.set(partitionKey({ topic, partition }), {
      topic,
      topicId,
      partition,
      task,
      epoch: next.assignmentEpoch,
    });
  }
  next.assignments = assignments;
  effects.push({ kind: "open", task, epoch: next.assignmentEpoch, partitions, reopened });
}

function onRevoked(next: Draft, effects: Effects, id: number, partitions: readonly TopicPartition[]): void {
  const assignments = new Map(next.assignments);
  const revoked: Assignment[] = [];
  for (const partition of partitions) {
    const assignment = assignments.get(partitionKey(partition));
    if (assignment) revoked.push(assignment);
    assignments.delete(partitionKey(partition));
  }
  next.assignments = assignments;
  next.revocations = new Map(next.revocations).set(id, revoked);
  dropQueued(next, effects, (share) => !isCurrent(next, share));
}

/** Like a revocation of all that the topic has here. */
function park(next: Draft, effects: Effects, topic: string, why: string): void {
  if (next.parking.has(topic)) return;
  next.parking = new Map(next.parking).set(topic, { why, assignments: removeTopic(next, topic) });
  dropQueued(next, effects, (share) => !isCurrent(next, share));
}

/** Makes all of a topic nobody's; returns what was somebody's. */
function removeTopic(next: Draft, topic: string): Assignment[] {
  const removed = [...next.assignments.values()].filter((assignment) => assignment.topic === topic);
  if (removed.length > 0) {
    next.assignments = new Map([...next.assignments].filter(([, assignment]) => assignment.topic !== topic));
  }
  return removed;
}

function onTaskLeft(next: Draft, effects: Effects, task: number): void {
  const tasks = new Map(next.tasks);
  tasks.delete(task);
  next.tasks = tasks;
  next.assignments = new Map([...next.assignments].filter(([, assignment]) => assignment.task !== task));
  // Nobody is left to tell; the files stay without a name.
  dropQueued(next, effects, (share) => share.task === task);
  if (!next.round) return;
  next.round = { ...next.round, waiting: next.round.waiting.filter((id) => id !== task) };
  if (next.round.waiting.length === 0) endRound(next);
}

function dropQueued(next: Draft, effects: Effects, which: (share: TaskShare) => boolean): void {
  const dropped: TaskShare[] = [];
  const queued = new Map<string, readonly TaskShare[]>();
  for (const [table, shares] of next.queued) {
    dropped.push(...shares.filter(which));
    const kept = shares.filter((share) => !which(share));
    if (kept.length > 0) queued.set(table, kept);
  }
  next.queued = queued;
  for (const share of dropped) {
    if (next.tasks.has(share.task)) effects.push(settle(share, STALE));
    reopen(next, effects, share);
  }
}

function commitWhatIsDue(next: Draft, effects: Effects): void {
  const free = [...next.due].filter((table) => !next.committing.has(table));
  if (free.length === 0) return;
  const due = new Set(next.due), queued = new Map(next.queued), committing = new Map(next.committing);
  for (const table of free) {
    due.delete(table);
    const shares = queued.get(table);
    if (!shares) continue;
    queued.delete(table);
    const ordered = byTask(shares);
    committing.set(table, ordered);
    effects.push({ kind: "commit", epoch: next.epoch, table, shares: ordered.map(({ share }) => share) });
  }
  Object.assign(next, { due, queued, committing });
}

/**
 * Each task's shares in the order in which they were queued (they chain), tasks by their lowest partition: "within a
 * round, the proposal of the lowest partition wins", and the committer takes schemas in this order.
 */
function byTask(shares: readonly TaskShare[]): TaskShare[] {
  const lowest = new Map<number, number>();
  for (const { task, share } of shares) {
    lowest.set(task, Math.min(lowest.get(task) ?? Infinity, ...share.ranges.map(({ partition }) => partition)));
  }
  return [...shares].sort((a, b) => lowest.get(a.task)! - lowest.get(b.task)! || a.task - b.task);
}

function endRevocations(next: Draft, effects: Effects): void {
  if (next.revocations.size === 0) return;
  const held = new Set([...next.committing.values()].flat().flatMap(({ share }) => share.ranges.map(partitionKey)));
  const revocations = new Map(next.revocations);
  for (const [id, revoked] of next.revocations) {
    if (revoked.some((assignment) => held.has(partitionKey(assignment)))) continue;
    revocations.delete(id);
    close(next, effects, revoked);
    effects.push({ kind: "released", id });
  }
  next.revocations = revocations;
}

function endParking(next: Draft, effects: Effects): void {
  if (next.parking.size === 0) return;
  const held = new Set([...next.committing.values()].flat().flatMap(({ share }) => share.ranges.map((r) => r.topic)));
  const parking = new Map(next.parking);
  for (const [topic, { why, assignments }] of next.parking) {
    if (held.has(topic)) continue;
    parking.delete(topic);
    // What was assigned meanwhile is parked with it.
    const late = removeTopic(next, topic);
    dropQueued(next, effects, (share) => !isCurrent(next, share));
    close(next, effects, [...assignments, ...late]);
    effects.push({ kind: "parked", topic, why });
  }
  next.parking = parking;
}

function close(next: Draft, effects: Effects, gone: readonly Assignment[]): void {
  for (const [task, partitions] of Map.groupBy(gone, (assignment) => assignment.task)) {
    if (next.tasks.has(task)) effects.push({ kind: "close", task, partitions: partitions.map(plain) });
  }
}

function endFlushes(next: Draft, effects: Effects): void {
  if (next.flushes.size === 0 || next.committing.size > 0 || next.due.size > 0) return;
  const flushes = new Map(next.flushes);
  for (const [id, epoch] of next.flushes) {
    const ended = next.epoch > epoch || (next.epoch === epoch && next.round === null);
    if (!ended) continue;
    flushes.delete(id);
    effects.push({ kind: "flushed", id });
  }
  next.flushes = flushes;
}

function plain({ topic, topicId, partition }: TopicPartition): TopicPartition {
  return { topic, topicId, partition };
}

function settle({ task, share }: TaskShare, outcome: CommitOutcome): CoordinatorEffect {
  return { kind: "settle", task, share: share.id, outcome };
}

/** Of the ranges of each partition, the one that ends last. */
function lastOfEach(ranges: readonly OffsetRange[]): OffsetRange[] {
  const last = new Map<string, OffsetRange>();
  for (const range of ranges) {
    const before = last.get(partitionKey(range));
    if (!before || range.to > before.to) last.set(partitionKey(range), range);
  }
  return [...last.values()];
}
