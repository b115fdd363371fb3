/**
 * Transactions and gaps: what is aborted or compacted is not in the table, and no drain waits for it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { Scratch } from "./program.ts";
import { freshName, makeTopic, until, withAdmin } from "./support.ts";
import { json, produce, withProducer } from "./topics.ts";

Deno.test("a drain takes committed transactions alone and ends at the last stable offset", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 2);
  const config = await scratch.config({ topics: [topic], "tasks.max": 2 });
  const wanted: { id: string }[] = [];
  let id = 0;
  await withProducer(scratch.bootstrap, async (producer) => {
    const transaction = async (count: number, end: "commit" | "abort") => {
      const open = await producer.transaction();
      const ids = Array.from({ length: count }, () => id++);
      await open.send({ topic, messages: ids.map((id) => json({ id }, { partition: id % 2 })) });
      await open[end]();
      if (end === "commit") wanted.push(...ids.map((id) => ({ id: String(id) })));
    };
    for (let round = 0; round < 5; round++) {
      await transaction(6, "commit");
      await transaction(4, "abort");
    }
    const first = await scratch.drain(config);
    assertEquals([first.records, first.rows], [30, 30]);
    // 50 records and a marker for each transaction in each partition; the last one is a marker.
    assertEquals(first.tables[0].offsets, { [`${topic}-0`]: 35, [`${topic}-1`]: 35 });

    await transaction(2, "abort"); // nothing but aborted records and markers: offsets alone move
    const open = await producer.transaction();
    await open.send({ topic, messages: [json({ id: 1000 }, { partition: 0 })] });
    const second = await scratch.drain(config);
    assertEquals([second.rows, second.tables[0].offsets], [0, { [`${topic}-0`]: 37, [`${topic}-1`]: 37 }]);
    const third = await scratch.drain(config);
    assertEquals([third.records, third.tables], [0, []], "an open transaction is not waited for");
    await open.commit();
    wanted.push({ id: "1000" });
  }, freshName("tx"));
  const last = await scratch.drain(config);
  assertEquals([last.rows, last.tables[0].offsets], [1, { [`${topic}-0`]: 39 }]);
  assertRows((await readDeltaRs(scratch.table(topic))).rows, wanted, "id");
});

Deno.test("a drain ends over a topic whose records were compacted away or deleted", async () => {
  await using scratch = await Scratch.make();
  const compacted = await makeTopic(scratch.bootstrap, 1, {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "100",
  });
  const deleted = await makeTopic(scratch.bootstrap, 1);
  for (let id = 0; id < 30; id++) await produce(scratch.bootstrap, compacted, [json({ id }, { key: `k${id % 3}` })]);
  await produce(scratch.bootstrap, deleted, Array.from({ length: 10 }, (_, id) => json({ id })));
  await withAdmin(scratch.bootstrap, async (admin) => {
    await admin.fetchTopicOffsets(deleted); // kafkajs deletes only from topics that it has met
    await admin.deleteTopicRecords({ topic: deleted, partitions: [{ partition: 0, offset: "7" }] });
    await until("records are deleted", async () => (await admin.fetchTopicOffsets(deleted))[0].low === "7");
  });
  const result = await scratch.drain(await scratch.config({ topics: [compacted, deleted] }));
  const offsets = Object.assign({}, ...result.tables.map(({ offsets }) => offsets));
  assertEquals(offsets, { [`${compacted}-0`]: 30, [`${deleted}-0`]: 10 });
  assertRows((await readDeltaRs(scratch.table(deleted))).rows, [7, 8, 9].map((id) => ({ id: String(id) })), "id");
  await withAdmin(scratch.bootstrap, async (admin) => {
    await admin.fetchTopicOffsets(deleted); // kafkajs deletes only from topics that it has met
    await admin.deleteTopicRecords({ topic: deleted, partitions: [{ partition: 0, offset: "10" }] });
    await until("all are deleted", async () => (await admin.fetchTopicOffsets(deleted))[0].low === "10");
  });
  const again = await scratch.drain(await scratch.config({ topics: [deleted] }));
  assertEquals([again.records, again.tables], [0, []]);
});
