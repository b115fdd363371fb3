import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type OffsetRange, partitionKey, type TopicPartition } from "./api/mod.ts";
import { step } from "./coordinator.ts";
import {
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
  initialState,
  type TaskShare,
} from "./coordinator_state.ts";

const OPTIONS = { commitIntervalMs: 100, commitTimeoutMs: 50, lateMax: 3 };
const TASKS = 3;
/** An answer that says that the whole commit failed. */
const FAILS = 63;
const TOPICS = ["a", "b"];
const PARTITIONS: TopicPartition[] = TOPICS.flatMap((topic) =>
  [0, 1, 2].map((partition) => ({ topic, topicId: `id-${topic}`, partition }))
);

/** What happens next: numbers that the world turns into an event that can happen. */
type Move = readonly [kind: number, a: number, b: number];

/** Tasks, committer and group as the coordinator sees them, holding it to its promises with every effect. */
class World {
  state: CoordinatorState = initialState(OPTIONS, 0);
  nowMs = 0;
  readonly #owner = new Map<string, number>();
  /** By task: under which epoch each of its partitions is read, as the last `open` said. */
  readonly #read = new Map<number, Map<string, number>>();
  readonly #asked = new Map<number, number>();
  readonly #shares = new Map<string, TaskShare>();
  /** Shares that were prepared and not settled, whose task lives. */
  readonly #open = new Set<string>();
  readonly #committing = new Map<string, readonly string[]>();
  /** By partition: the epochs that a void share was read under. */
  readonly #void = new Map<string, Set<number>>();
  readonly waiting = { flushes: new Set<number>(), revocations: new Set<number>() };
  #count = 0;
  readonly committed: string[] = [];

  send(event: CoordinatorEvent): void {
    const [next, effects] = step(this.state, event);
    this.state = next;
    for (const effect of effects) this.#happen(effect);
  }

  join(task: number): void {
    if (this.#read.has(task)) return;
    this.#read.set(task, new Map());
    this.send({ kind: "task-joined", task });
  }

  leave(task: number): void {
    if (!this.#read.delete(task)) return;
    this.#asked.delete(task);
    for (const [key, owner] of this.#owner) if (owner === task) this.#owner.delete(key);
    for (const id of this.#open) {
      const isCommitting = [...this.#committing.values()].some((ids) => ids.includes(id));
      if (this.#shares.get(id)!.task === task && !isCommitting) this.#open.delete(id);
    }
    this.send({ kind: "task-left", task });
  }

  assign(task: number, which: number): void {
    const partition = PARTITIONS[which % PARTITIONS.length];
    if (!this.#read.has(task) || this.#owner.has(partitionKey(partition))) return;
    this.#owner.set(partitionKey(partition), task);
    this.send({ kind: "assigned", task, partitions: [partition] });
  }

  revoke(which: number): void {
    const partition = PARTITIONS[which % PARTITIONS.length];
    if (!this.#owner.delete(partitionKey(partition))) return;
    const id = ++this.#count;
    this.waiting.revocations.add(id);
    this.send({ kind: "revoked", id, partitions: [partition] });
  }

  /** The topic fails in a task, or in the committer's view. */
  failTopic(which: number): void {
    this.send({ kind: "topic-failed", topic: TOPICS[which % TOPICS.length], why: "denied" });
  }

  flush(): void {
    const id = ++this.#count;
    this.waiting.flushes.add(id);
    this.send({ kind: "flush", id, nowMs: this.nowMs });
  }

  tick(ms: number): void {
    this.nowMs += ms;
    this.send({ kind: "tick", nowMs: this.nowMs });
  }

  /** The task answers with a share a table, perhaps with fewer partitions than it reads. */
  prepare(task: number, which: number): void {
    const epoch = this.#asked.get(task);
    if (epoch === undefined) return;
    this.#asked.delete(task);
    const reads = [...this.#read.get(task)!].filter((_, i) => (which >> i) % 2 === 0);
    const shares = TOPICS.flatMap((table): TaskShare[] => {
      const mine = reads.filter(([key]) => key.startsWith(`${table}/`));
      if (mine.length === 0) return [];
      const from = BigInt(++this.#count);
      const ranges = mine.map(([key]): OffsetRange => (
        { ...PARTITIONS.find((p) => partitionKey(p) === key)!, from, to: from + 1n, fromAbsent: false }
      ));
      const stats = { rows: 1, files: 1, bytes: 1, timestampMsMax: null };
      const share = { id: `s${this.#count}`, table, ranges, staged: null, stats };
      return [{ task, share, epochs: Object.fromEntries(mine) }];
    });
    for (const share of shares) {
      this.#shares.set(share.share.id, share);
      this.#open.add(share.share.id);
      const keys = share.share.ranges.map(partitionKey);
      const current = (key: string) =>
        this.#owner.get(key) === task && this.state.assignments.get(key)?.epoch === share.epochs[key];
      if (!keys.every(current)) this.#noteVoid(share);
    }
    this.send({ kind: "prepared", task, epoch, shares });
  }

  /** The committer answers; a share is stale where its bit is set. */
  answer(which: number, stale: number): void {
    const tables = [...this.#committing.keys()];
    if (tables.length === 0) return;
    const table = tables[which % tables.length];
    const ids = this.#committing.get(table)!;
    this.#committing.delete(table);
    const outcomes = ids.map((id, i) => {
      if (stale === FAILS) return { kind: "failed", why: "denied" } as const;
      if ((stale >> i) % 2 === 0) return { kind: "committed", version: 1n } as const;
      this.#noteVoid(this.#shares.get(id)!);
      return { kind: "stale", why: "offsets", actual: [] } as const;
    });
    this.send({ kind: "committed", table, outcomes });
    // What a task that left had in the commit is settled by nobody.
    for (const id of ids) if (!this.#read.has(this.#shares.get(id)!.task)) this.#open.delete(id);
  }

  /** Everybody answers: what was waited for must then have come. */
  settleDown(): void {
    for (let round = 0; round < 20; round++) {
      for (const task of this.#asked.keys()) this.prepare(task, 0);
      while (this.#committing.size > 0) this.answer(0, 0);
      this.tick(OPTIONS.commitIntervalMs);
    }
    while (this.#committing.size > 0) this.answer(0, 0);
    assertEquals([...this.waiting.flushes], [], "every flush ends");
    assertEquals([...this.waiting.revocations], [], "every revocation ends");
  }

  #noteVoid({ share, epochs }: TaskShare): void {
    for (const range of share.ranges) {
      const key = partitionKey(range);
      this.#void.set(key, (this.#void.get(key) ?? new Set()).add(epochs[key]));
    }
  }

  #happen(effect: CoordinatorEffect): void {
    switch (effect.kind) {
      case "ask":
        for (const task of effect.tasks) {
          assert(this.#read.has(task) && !this.#asked.has(task), "only a free task is asked");
          this.#asked.set(task, effect.epoch);
        }
        return;
      case "open":
        for (const partition of effect.partitions) {
          assertEquals(this.#owner.get(partitionKey(partition)), effect.task, "only its task opens a partition");
          this.#read.get(effect.task)?.set(partitionKey(partition), effect.epoch);
        }
        return;
      case "close":
        for (const partition of effect.partitions) {
          // It may be the task's again by now.
          if (this.#owner.get(partitionKey(partition)) === effect.task) continue;
          this.#read.get(effect.task)?.delete(partitionKey(partition));
        }
        return;
      case "commit":
        assert(!this.#committing.has(effect.table), "commits of a table never overlap");
        for (const { id, ranges } of effect.shares) {
          const { epochs } = this.#shares.get(id)!;
          assert(this.#open.has(id), `${id} is committed once, and not after it was settled`);
          for (const key of ranges.map(partitionKey)) {
            assertEquals(
              this.state.assignments.get(key)?.epoch,
              epochs[key],
              "no share of an older epoch is committed",
            );
            assert(!this.#void.get(key)?.has(epochs[key]), "nothing is committed that was read after a void share");
          }
        }
        this.#committing.set(effect.table, effect.shares.map(({ id }) => id));
        this.committed.push(...effect.shares.map(({ id }) => id));
        return;
      case "settle":
        assert(this.#open.delete(effect.share) || !this.#read.has(effect.task), `${effect.share} is settled once`);
        if (effect.outcome.kind === "stale") this.#noteVoid(this.#shares.get(effect.share)!);
        return;
      case "released":
        assert(this.waiting.revocations.delete(effect.id), "a revocation ends once");
        return;
      case "flushed":
        assert(this.waiting.flushes.delete(effect.id), "a flush ends once");
        return;
      case "parked": {
        const busy = [...this.#committing.values()].flat().flatMap((id) => this.#shares.get(id)!.share.ranges);
        assert(busy.every(({ topic }) => topic !== effect.topic), "a topic is parked when no commit has rows of it");
        assert(
          [...this.state.assignments.values()].every(({ topic }) => topic !== effect.topic),
          "all of it is parked",
        );
        for (const key of [...this.#owner.keys()]) if (key.startsWith(`${effect.topic}/`)) this.#owner.delete(key);
        return;
      }
      case "advance":
      case "fail":
    }
  }
}

function play(world: World, [kind, a, b]: Move): void {
  const task = a % TASKS;
  switch (kind) {
    case 0:
      return world.join(task);
    case 1:
    case 2:
      return world.assign(task, b);
    case 3:
      return world.revoke(b);
    case 4:
      return b % 4 === 0 ? world.leave(task) : undefined;
    case 5:
      return world.flush();
    case 6:
      return world.send({ kind: "requested", nowMs: world.nowMs });
    case 7:
      return world.tick(b % 120);
    case 8:
    case 9:
      return world.prepare(task, b % 3 === 0 ? b : 0);
    case 10:
      return b % 8 === 0 ? world.failTopic(a) : world.answer(a, b % 3 === 0 ? b : 0);
    default:
      return world.answer(a, b % 3 === 0 ? b : 0);
  }
}

Deno.test("step() keeps its promises in any order of events, and everything that is waited for comes", () => {
  const move = fc.tuple(fc.nat({ max: 11 }), fc.nat({ max: 63 }), fc.nat({ max: 255 }));
  let committed = 0;
  fc.assert(
    fc.property(fc.array(move, { minLength: 20, maxLength: 150, size: "max" }), (moves) => {
      const world = new World();
      for (let task = 0; task < TASKS; task++) world.join(task);
      for (let i = 0; i < PARTITIONS.length; i++) world.assign(i % TASKS, i);
      for (const each of moves) play(world, each);
      world.settleDown();
      committed += world.committed.length;
    }),
    { numRuns: 1000 },
  );
  assert(committed > 1000, "the sequences do get to commits");
});
