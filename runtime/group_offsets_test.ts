import { assertEquals, assertRejects } from "@std/assert";
import { FatalError, type Offsets, RetriableError, type Share, type TopicPartition } from "./api/mod.ts";
import { createGroupOffsetsCommitter } from "./group_offsets.ts";
import type { KafkaAdmin, Membership } from "./kafka/types.ts";

const partition = (number: number): TopicPartition => ({ topic: "orders", topicId: "id", partition: number });

function share(number: number, to: bigint): Share<unknown> {
  const stats = { rows: 1, files: 1, bytes: 1, timestampMsMax: null };
  const ranges = [{ ...partition(number), from: 0n, to, fromAbsent: false }];
  return { id: `${number}`, table: "orders", ranges, staged: null, stats };
}

/** A group in which only `owned` partitions are ours; `refusal` is thrown for the others. */
function world({ owned, refusal = new RetriableError("not ours") }: { owned: number[]; refusal?: Error }) {
  const held = new Map<number, bigint>();
  const membership = {
    advance: (offsets: Offsets) => {
      for (const o of offsets) if (owned.includes(o.partition)) held.set(o.partition, o.offset);
      return offsets.every((o) => owned.includes(o.partition)) ? Promise.resolve() : Promise.reject(refusal);
    },
  } as unknown as Membership;
  const admin = {
    groupOffsets: (_: string, of: readonly TopicPartition[]) =>
      Promise.resolve(of.flatMap((p) => held.has(p.partition) ? [{ ...p, offset: held.get(p.partition)! }] : [])),
  } as unknown as KafkaAdmin;
  const retry = async <T>(_: string, attempt: () => Promise<T>) => {
    try {
      return await attempt();
    } catch (cause) {
      if (!(cause instanceof RetriableError)) throw cause;
      throw new FatalError("gave up", { cause });
    }
  };
  return createGroupOffsetsCommitter({ group: "connect-orders", admin, membership, retry });
}

Deno.test("GroupOffsetsCommitter.commit() calls stale what a rebalance took away, instead of failing the run", async () => {
  const committer = world({ owned: [0] });
  const outcomes = await committer.commit(7, "orders", [share(0, 5n), share(1, 9n)]);
  assertEquals(outcomes, [{ kind: "committed", version: 7n }, { kind: "stale", why: "offsets", actual: [] }]);
  assertEquals(await committer.committedOffsets([partition(0), partition(1)]), [{ ...partition(0), offset: 5n }]);
});

Deno.test("GroupOffsetsCommitter.commit() throws what nothing can be done about", async () => {
  const committer = world({ owned: [], refusal: new FatalError("not authorized") });
  await assertRejects(() => committer.commit(1, "orders", [share(0, 5n)]), FatalError, "not authorized");
});

Deno.test("GroupOffsetsCommitter.initialize() works before the group is joined, and is older than any commit", async () => {
  const committer = world({ owned: [0] });
  await committer.initialize([{ ...partition(0), offset: 3n }, { ...partition(1), offset: 4n }]);
  await committer.commit(1, "orders", [share(0, 5n)]);
  assertEquals(await committer.committedOffsets([partition(0), partition(1), partition(2)]), [
    { ...partition(0), offset: 5n },
    { ...partition(1), offset: 4n },
  ]);
});
