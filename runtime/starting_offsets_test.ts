import { assertEquals, assertRejects } from "@std/assert";
import { type Committer, FatalError, type Offsets, type TopicPartition } from "./api/mod.ts";
import type { KafkaAdmin } from "./kafka/types.ts";
import { beginAtLatest, startingOffsets } from "./starting_offsets.ts";

const partition = (topic: string, number: number): TopicPartition => ({ topic, topicId: "id", partition: number });

/** A target that remembers, and logs that reach from 5 to 50. */
function world(held: Offsets) {
  let at = held;
  const committer = {
    committedOffsets: (of: readonly TopicPartition[]) =>
      Promise.resolve(at.filter((o) => of.some((p) => p.topic === o.topic && p.partition === o.partition))),
    initialize: (more: Offsets) => {
      at = [...at, ...more];
      return Promise.resolve();
    },
  } as unknown as Committer<unknown>;
  const admin = {
    logBounds: (of: readonly TopicPartition[]) =>
      Promise.resolve(of.filter((p) => p.partition < 9).map((p) => ({ ...p, logStartOffset: 5n, endOffset: 50n }))),
  } as unknown as KafkaAdmin;
  return { committer, admin };
}

Deno.test("startingOffsets() begins where the target stands, and at the log's start where it has no offset", async () => {
  const parts = world([{ ...partition("orders", 0), offset: 20n }]);
  assertEquals(await startingOffsets([partition("orders", 0), partition("orders", 1)], parts), [
    { ...partition("orders", 0), offset: 20n, absent: false },
    { ...partition("orders", 1), offset: 5n, absent: true },
  ]);
});

Deno.test("startingOffsets() refuses a partition that Kafka does not know", async () => {
  await assertRejects(() => startingOffsets([partition("orders", 9)], world([])), FatalError, "orders-9");
});

Deno.test("beginAtLatest() commits the ends of all partitions of an unknown topic at once, whoever reads them", async () => {
  const parts = world([]);
  const all = [partition("orders", 0), partition("orders", 1)];
  await beginAtLatest(all, parts);
  // Two tasks open one partition each, one after the other: the second is not taken for a partition that came later.
  for (const one of all) {
    assertEquals(await startingOffsets([one], parts), [{ ...one, offset: 50n, absent: false }]);
  }
});

Deno.test("beginAtLatest() leaves new partitions of a known topic at the earliest offset", async () => {
  const parts = world([{ ...partition("orders", 0), offset: 20n }]);
  await beginAtLatest([partition("orders", 0), partition("orders", 1)], parts);
  assertEquals(await startingOffsets([partition("orders", 1)], parts), [
    { ...partition("orders", 1), offset: 5n, absent: true },
  ]);
});
