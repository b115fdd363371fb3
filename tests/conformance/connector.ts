/**
 * What every connector must do, as a library that defines tests: `connectorConformance("file-sink", make)`.
 *
 * The batches have two fields, `id` (long, never null) and `name` (string); an id is found once in all that is put.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Schema } from "apache-arrow";
import {
  type CommitOutcome,
  type Committer,
  type Config,
  type ConfigDef,
  type Log,
  partitionKey,
  type Share,
  SinkBatch,
  type SinkConnector,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
  types,
} from "../../mod.ts";
import { batchOf } from "./rows.ts";
import { slabOf } from "./slab.ts";

/** What a maker hands over: a connector with an empty target, and how to look at that. */
export interface ConnectorFixture<Def extends ConfigDef, Staged> {
  /** What is tested. */
  readonly connector: SinkConnector<Def, Staged>;
  /** Its configuration, e.g. by `configOf`. */
  readonly config: Config<Def>;
  /** The ids that a reader of the target sees of a topic, in any order. */
  read(topic: string): Promise<bigint[]>;
  /** Files of the target that no reader sees, where the target has such. */
  unseenFiles?(): Promise<string[]>;
  /** Takes the target down again. */
  cleanUp?(): Promise<void>;
}

const SCHEMA = new Schema([types.field("id", types.int64(), false), types.field("name", types.utf8())]);
const TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAQ";
const P0: TopicPartition = { topic: "orders", topicId: TOPIC_ID, partition: 0 };
const P1: TopicPartition = { topic: "orders", topicId: TOPIC_ID, partition: 1 };

/** A batch of one row an offset; the id tells partition and offset. */
function rows({ topic, topicId, partition }: TopicPartition, from: number, to: number): SinkBatch {
  const offsets = Array.from({ length: to - from }, (_, i) => from + i);
  const raw = slabOf(offsets.map((offset) => ({ offset: BigInt(offset), value: "x" })), {
    ...{ topic, topicId, partition, from: BigInt(from), to: BigInt(to) },
  });
  const data = batchOf(SCHEMA, offsets.map((offset) => ({ id: idOf(partition, offset), name: `row ${offset}` })));
  return new SinkBatch(data, { raw, rows: Int32Array.from(offsets.keys()) }, raw.from, raw.to);
}

/** A batch without rows. */
function gap({ topic, topicId, partition }: TopicPartition, from: number, to: number): SinkBatch {
  const raw = slabOf([], { topic, topicId, partition, from: BigInt(from), to: BigInt(to) });
  return SinkBatch.empty(raw, raw.from, raw.to);
}

function idOf(partition: number, offset: number): bigint {
  return BigInt(partition * 1_000_000 + offset);
}

function idsOf({ partition }: TopicPartition, from: number, to: number): bigint[] {
  return Array.from({ length: to - from }, (_, i) => idOf(partition, from + i));
}

/** Where a partition is to be read, the target holding that offset. */
const at = (partition: TopicPartition, offset: number) => ({ ...partition, offset: BigInt(offset) });

/** One life of a task and, where the connector has one, of its committer. */
class Life<Staged> {
  #epoch = 0;
  constructor(readonly task: SinkTask<Staged>, readonly committer: Committer<Staged> | null) {}

  async put(...batches: SinkBatch[]): Promise<void> {
    for (const batch of batches) await this.task.put(batch);
  }

  /** Phase one, checked. */
  async prepare(): Promise<readonly Share<Staged>[]> {
    const shares = await this.task.preCommit();
    for (const share of shares) {
      assertEquals(structuredClone(share), share, "a share is plain data: it crosses a thread");
      assert(share.ranges.every(({ from, to }) => from < to), "a range is never empty");
      assertEquals(new Set(share.ranges.map(partitionKey)).size, share.ranges.length, "no partition twice in a share");
    }
    return shares;
  }

  /** Phase two. */
  async commit(shares: readonly Share<Staged>[]): Promise<CommitOutcome[]> {
    const outcomes: CommitOutcome[] = [];
    for (const table of new Set(shares.map((share) => share.table))) {
      const of = shares.filter((share) => share.table === table);
      const these: readonly CommitOutcome[] = this.committer
        ? await this.committer.commit(++this.#epoch, table, structuredClone(of))
        : of.map(() => ({ kind: "committed", version: 0n }));
      assertEquals(these.length, of.length, "an outcome for each share");
      for (const [i, share] of of.entries()) await this.task.settle?.(share, these[i]);
      outcomes.push(...these);
    }
    return outcomes;
  }

  async round(): Promise<void> {
    const outcomes = await this.commit(await this.prepare());
    for (const { kind } of outcomes) assertEquals(kind, "committed");
  }
}

/** What the shares cover of a partition: one chain, or a failure. */
function covered<Staged>(shares: readonly Share<Staged>[], partition: TopicPartition): [bigint, bigint] | null {
  let chain: [bigint, bigint] | null = null;
  for (const { topicId, from, to, ...range } of shares.flatMap(({ ranges }) => ranges)) {
    if (partitionKey(range) !== partitionKey(partition)) continue;
    assertEquals(topicId, partition.topicId);
    if (chain !== null) assertEquals(from, chain[1], "the shares of a partition chain");
    chain = [chain?.[0] ?? from, to];
  }
  return chain;
}

/** Defines the tests. */
export function connectorConformance<Def extends ConfigDef, Staged>(
  name: string,
  make: () => Promise<ConnectorFixture<Def, Staged>>,
  /** Whether the connector has a committer: its offsets are then beside its data. */
  { exactlyOnce }: { readonly exactlyOnce: boolean },
): void {
  interface Bench extends ConnectorFixture<Def, Staged> {
    /** A fresh process on the same target. */
    begin(): Promise<Life<Staged>>;
    /** Each id once, or at least once. */
    assertRows(wanted: readonly bigint[]): Promise<void>;
  }
  const test = (what: string, body: (bench: Bench) => Promise<void>) =>
    Deno.test(`${name}: ${what}`, async () => {
      const fixture = await make();
      const { connector, config } = fixture;
      const lives: Life<Staged>[] = [];
      const begin = async () => {
        const context = contextOf(name);
        await connector.check(config, [P0.topic], context);
        const committer = await connector.createCommitter?.(config, context) ?? null;
        assertEquals(committer !== null, exactlyOnce, "a committer, or none");
        const life = new Life(await connector.createTask(config, context), committer);
        lives.push(life);
        return life;
      };
      const assertRows = async (wanted: readonly bigint[]) => {
        const ids = (await fixture.read(P0.topic)).sort((a, b) => Number(a - b));
        const sorted = [...wanted].sort((a, b) => Number(a - b));
        assertEquals(exactlyOnce ? ids : [...new Set(ids)], sorted);
      };
      try {
        await body({ ...fixture, begin, assertRows });
      } finally {
        for (const { task, committer } of lives) {
          await task.stop();
          await committer?.stop();
        }
        await fixture.cleanUp?.();
      }
    });

  test("preCommit() of an idle task is empty, before and after a round", async ({ begin }) => {
    const life = await begin();
    assertEquals(await life.prepare(), []);
    await life.task.open([P0], []);
    assertEquals(await life.prepare(), []);
    await life.put(rows(P0, 0, 3));
    await life.round();
    assertEquals(await life.prepare(), []);
  });

  test("preCommit() covers all that was put, rows or not, and rounds chain", async ({ begin, assertRows }) => {
    const life = await begin();
    await life.task.open([P0, P1], []);
    await life.put(rows(P0, 0, 3), gap(P0, 3, 7), rows(P1, 0, 2), rows(P0, 7, 9));
    const first = await life.prepare();
    assertEquals([covered(first, P0), covered(first, P1)], [[0n, 9n], [0n, 2n]]);
    assertEquals(first.reduce((sum, { stats }) => sum + stats.rows, 0), 7);
    await life.commit(first);
    await life.put(rows(P0, 9, 10));
    const second = await life.prepare();
    assertEquals([covered(second, P0), covered(second, P1)], [[9n, 10n], null]);
    await life.commit(second);
    await assertRows([...idsOf(P0, 0, 3), ...idsOf(P0, 7, 10), ...idsOf(P1, 0, 2)]);
    const ids = [...first, ...second].map(({ id }) => id);
    assertEquals(new Set(ids).size, ids.length, "no two shares have the same id");
  });

  test("preCommit() covers offsets also where there was no row at all", async ({ begin, assertRows }) => {
    const life = await begin();
    await life.task.open([P0], []);
    await life.put(gap(P0, 0, 5));
    const shares = await life.prepare();
    assertEquals(covered(shares, P0), [0n, 5n]);
    await life.commit(shares);
    await assertRows([]);
    assertEquals((await life.committer?.committedOffsets([P0]) ?? [at(P0, 5)]).map(({ offset }) => offset), [5n]);
  });

  test("preCommit() says which partitions the target held no offset of", async ({ begin }) => {
    const life = await begin();
    await life.committer?.initialize([at(P1, 40)]);
    await life.task.open([P0, P1], [at(P1, 40)]);
    await life.put(rows(P0, 0, 1), rows(P1, 40, 41));
    const ranges = (await life.prepare()).flatMap((share) => share.ranges);
    assertEquals(Object.fromEntries(ranges.map((r) => [r.partition, r.fromAbsent])), { 0: true, 1: false });
  });

  test("preCommit() twice before a commit gives shares that chain, and both commit", async ({ begin, assertRows }) => {
    const life = await begin();
    await life.task.open([P0], []);
    await life.put(rows(P0, 0, 2));
    const first = await life.prepare();
    await life.put(rows(P0, 2, 5));
    const shares = [...first, ...await life.prepare()];
    assertEquals(covered(shares, P0), [0n, 5n]);
    await life.commit(shares);
    await assertRows(idsOf(P0, 0, 5));
  });

  test("put() refuses a batch that does not begin where its partition stands", async ({ begin }) => {
    const life = await begin();
    await life.task.open([P0, P1], []);
    await life.put(rows(P0, 0, 3));
    for (const wrong of [rows(P0, 5, 6), rows(P0, 1, 4)]) {
      const refusal = await Promise.resolve(wrong).then((batch) => life.task.put(batch)).then(() => null, (e) => e);
      assert(refusal instanceof Error, "a gap or an overlap would be a loss or a duplicate that nobody sees");
    }
  });

  test("close() gives up its partitions alone, and says where the others are read again", async ({ begin, assertRows }) => {
    const life = await begin();
    await life.task.open([P0, P1], []);
    await life.put(rows(P0, 0, 3), rows(P1, 0, 3));
    await life.round();
    await life.put(rows(P0, 3, 6), rows(P1, 3, 6));
    const again = await life.task.close([P1]);
    assert(again.every((other) => partitionKey(other) === partitionKey(P0)), "only open partitions are read again");
    const from = Number(again[0]?.offset ?? 6n);
    assert(from >= 3 && from <= 6, "nothing before the committed offset is read again, and nothing is left out");
    if (from < 6) await life.put(rows(P0, from, 6));
    await life.put(rows(P0, 6, 8));
    const shares = await life.prepare();
    assertEquals([covered(shares, P0), covered(shares, P1)], [[3n, 8n], null]);
    await life.commit(shares);
    await assertRows([...idsOf(P0, 0, 8), ...idsOf(P1, 0, 3)]);
  });

  test("open() after close() begins where it is told", async ({ begin, assertRows }) => {
    const life = await begin();
    await life.task.open([P0], []);
    await life.put(rows(P0, 0, 4));
    await life.round();
    await life.put(rows(P0, 4, 6));
    assertEquals(await life.task.close([P0]), []);
    await life.task.open([P0], [at(P0, 4)]);
    await life.put(rows(P0, 4, 9));
    assertEquals(covered(await life.prepare().then(async (shares) => (await life.commit(shares), shares)), P0), [
      4n,
      9n,
    ]);
    await assertRows(idsOf(P0, 0, 9));
  });

  test("close() of partitions that hold nothing is quiet", async ({ begin }) => {
    const life = await begin();
    await life.task.open([P0, P1], []);
    assertEquals(await life.task.close([P1]), []);
    assertEquals(await life.task.close([P0]), []);
    assertEquals(await life.prepare(), []);
  });

  test("stop() in the middle loses nothing: the next process reads again", async ({ begin, assertRows, ...fixture }) => {
    const life = await begin();
    await life.task.open([P0], []);
    await life.put(rows(P0, 0, 4));
    await life.round();
    await life.put(rows(P0, 4, 6));
    await life.task.stop();
    assertEquals(await fixture.unseenFiles?.() ?? [], [], "files that no share names are deleted");
    const next = await begin();
    const from = await next.committer?.committedOffsets([P0]) ?? [at(P0, 4)];
    assertEquals(from.map(({ offset }) => offset), [4n]);
    await next.task.open([P0], from);
    await next.put(rows(P0, 4, 7));
    await next.round();
    await assertRows(idsOf(P0, 0, 7));
  });

  test("put() takes far more than the memory that it may use", async ({ begin, assertRows }) => {
    const life = await begin();
    await life.task.open([P0], []);
    for (let from = 0; from < 20_000; from += 4000) await life.put(rows(P0, from, from + 4000));
    await life.round();
    await assertRows(idsOf(P0, 0, 20_000));
  });

  // What follows is asked of connectors that hold offsets beside their data.
  const exactly = (
    what: string,
    body: (bench: Bench, life: Life<Staged>, committer: Committer<Staged>) => Promise<void>,
  ) => {
    if (!exactlyOnce) return;
    test(what, async (bench) => {
      const life = await bench.begin();
      await body(bench, life, life.committer!);
    });
  };

  exactly("commit() alone makes rows visible", async ({ assertRows }, life) => {
    await life.task.open([P0], []);
    await life.put(rows(P0, 0, 3));
    const shares = await life.prepare();
    await assertRows([]);
    await life.commit(shares);
    await assertRows(idsOf(P0, 0, 3));
  });

  exactly(
    "commit() of a share a second time is committed, and adds nothing",
    async ({ assertRows }, life, committer) => {
      await life.task.open([P0], []);
      await life.put(rows(P0, 0, 3));
      const [share] = await life.prepare();
      const [first] = await committer.commit(1, share.table, [share]);
      assertEquals(first.kind, "committed");
      assertEquals((await committer.commit(2, share.table, [share])).map(({ kind }) => kind), ["committed"]);
      await assertRows(idsOf(P0, 0, 3));
      assertEquals((await committer.committedOffsets([P0, P1])).map(({ partition, offset }) => [partition, offset]), [[
        0,
        3n,
      ]]);
    },
  );

  exactly("commit() of what another process committed is stale, and says where to go on", async (bench, life) => {
    const other = await bench.begin();
    for (const { task } of [life, other]) await task.open([P0], []);
    await life.put(rows(P0, 0, 3));
    await other.put(rows(P0, 0, 5));
    const late = await life.prepare();
    await other.round();
    const [outcome] = await life.commit(late);
    assert(outcome.kind === "stale" && outcome.why === "offsets");
    assertEquals(outcome.actual.map(({ offset }) => offset), [5n]);
    await bench.assertRows(idsOf(P0, 0, 5));
  });

  exactly("initialize() writes offsets where there are none", async (_, life, committer) => {
    await committer.initialize([at(P0, 7)]);
    await committer.initialize([at(P0, 9), at(P1, 2)]);
    const offsets = await committer.committedOffsets([P0, P1]);
    assertEquals(offsets.map(({ partition, offset }) => [partition, offset]), [[0, 7n], [1, 2n]]);
    assertEquals(await life.prepare(), []);
  });
}

function contextOf(connector: string): SinkTaskContext {
  let now = 1_700_000_000_000;
  const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, with: () => log };
  return {
    connector,
    task: 0,
    // Time passes by being looked at.
    clock: { now: () => ++now, monotonic: () => ++now, sleep: () => Promise.resolve() },
    log,
    retry: (_what, attempt) => attempt(),
    random: () => 0.5,
    uuid: () => crypto.randomUUID(),
    memoryBytes: 256 * 1024,
    reject: (_batch, _row, error) => {
      throw error;
    },
    requestCommit: () => {},
  };
}
