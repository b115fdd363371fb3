import { assertEquals } from "@std/assert";
import { concat, encodeBatch } from "./batch_fixture.ts";
import { SlabPool } from "./slab_pool.ts";
import { ResponseMemory, SlabQueue } from "./slab_queue.ts";

const MiB = 1024 * 1024;

/** A queue, and responses for it: `name` is the topic, `records` of `size` bytes begin at `from`. */
function queueOf() {
  const pool = new SlabPool(64 * MiB);
  const queue = new SlabQueue(pool, { checkCrcs: false, slabBytesMax: 64 * 1024, allocator: pool });
  const respond = (parts: readonly (readonly [name: string, from: number, records: number, size: number])[]) => {
    const memory = new ResponseMemory(pool.takeBytes(1024), pool);
    memory.hold();
    for (const [topic, from, count, size] of parts) {
      const batches = Array.from(
        { length: count },
        (_, i) => encodeBatch({ baseOffset: BigInt(from + i), records: [{ offsetDelta: 0, value: "x".repeat(size) }] }),
      );
      queue.addRecords({
        isCurrent: () => true,
        epoch: 1,
        set: { topic, topicId: topic, partition: 0, from: BigInt(from), bytes: concat(...batches), aborted: null },
        memory,
        endOffset: 1000n,
        logStartOffset: 0n,
        node: 1,
      });
    }
    memory.drop();
  };
  const drain = () => {
    const order: string[] = [];
    while (!queue.isEmpty) {
      for (const fetched of queue.take(MiB, 64 * MiB)) {
        if (fetched.kind !== "records") continue;
        order.push(`${fetched.topic}:${fetched.records.from}`);
        queue.release(fetched.records);
      }
    }
    return order.filter((each, i) => each !== order[i - 1]);
  };
  return { respond, drain, queue, pool };
}

Deno.test("SlabQueue.take() does not let a quiet partition wait behind the megabytes of a busy one", () => {
  const { respond, drain, pool } = queueOf();
  respond([["busy", 0, 12, 20_000]]);
  respond([["quiet", 0, 1, 10], ["busy", 12, 12, 20_000], ["calm", 7, 2, 10]]);
  const order = drain();
  assertEquals(order.slice(0, 2), ["quiet:0", "calm:7"]);
  const busy = order.filter((each) => each.startsWith("busy")).map((each) => Number(each.split(":")[1]));
  assertEquals(busy, busy.toSorted((a, b) => a - b));
  assertEquals(busy.includes(0) && busy.includes(12), true);
  assertEquals(pool.usedBytes, 0);
});

Deno.test("SlabQueue.take() keeps the order of a partition, small parts or large", () => {
  const { respond, drain } = queueOf();
  respond([["a", 0, 8, 20_000], ["b", 0, 1, 10]]);
  respond([["a", 8, 1, 10], ["b", 1, 1, 10]]);
  assertEquals(drain().filter((each) => /:[018]$/.test(each)), ["b:0", "a:0", "a:8", "b:1"]);
});
