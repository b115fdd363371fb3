import { assertEquals, assertThrows } from "@std/assert";
import { FatalError, OpenPartitions, SinkBatch, slabOf, type TopicPartition } from "./mod.ts";

const P0: TopicPartition = { topic: "t", topicId: "x", partition: 0 };
const P1: TopicPartition = { ...P0, partition: 1 };

/** A batch without rows. */
function gap({ topic, topicId, partition }: TopicPartition, from: bigint, to: bigint): SinkBatch {
  return SinkBatch.empty(slabOf([], { topic, topicId, partition, from, to }), from, to);
}

function opened(): OpenPartitions<{ text: string }> {
  const open = new OpenPartitions(() => ({ text: "" }));
  open.open([P0, P1], [{ ...P1, offset: 7n }]);
  return open;
}

const uuid = () => "id";

Deno.test("OpenPartitions.shares() covers what was put since the last round, and knows where the target held no offset", () => {
  const open = opened();
  assertEquals(open.shares("t", uuid), []);
  open.put(gap(P0, 3n, 5n)).text += "a";
  open.put(gap(P0, 5n, 9n)).text += "b";
  open.put(gap(P1, 7n, 8n)).text += "c";
  assertEquals([...open.held()], [{ text: "ab" }, { text: "c" }]);
  const ranges = open.shares("t", uuid).map((share) => share.ranges);
  assertEquals(ranges, [[{ ...P0, from: 3n, to: 9n, fromAbsent: true }], [{
    ...P1,
    from: 7n,
    to: 8n,
    fromAbsent: false,
  }]]);
  assertEquals(open.shares("t", uuid), []);
  open.put(gap(P0, 9n, 10n));
  assertEquals(open.shares("t", uuid)[0].ranges, [{ ...P0, from: 9n, to: 10n, fromAbsent: false }]);
});

Deno.test("OpenPartitions.put() refuses a batch of a partition that is not open, or stands elsewhere", () => {
  const open = opened();
  assertThrows(() => open.put(gap(P1, 6n, 8n)), FatalError, "expected offset 7, current value is 6");
  open.put(gap(P0, 3n, 5n));
  assertThrows(() => open.put(gap(P0, 3n, 5n)), FatalError, "expected offset 5, current value is 3");
  open.close([P0]);
  assertThrows(() => open.put(gap(P0, 5n, 6n)), FatalError, "t-0: the partition is not open");
  open.open([P0], []);
  assertEquals([open.put(gap(P0, 0n, 1n)), open.size], [{ text: "" }, 2]);
});
