import { assertEquals } from "@std/assert";
import { type OffsetRange, replayTopic } from "../../../mod.ts";
import { MemoryStorage } from "../storage/memory.ts";
import { committer, range, share, TABLE } from "./fixture.ts";

Deno.test("replayedOffsets() names how far each run over a topic's dead letters is, and nothing else", async () => {
  const storage = new MemoryStorage();
  const first = committer(storage);
  assertEquals(await first.replayedOffsets("orders"), [], "there is no table yet");
  const ofRun = (run: string, part: OffsetRange, topic = "orders") => ({ ...part, topic: replayTopic(topic, run) });
  await first.commit(1, TABLE, [share([range(0, "absent", 40)])]);
  await first.commit(0, TABLE, [share([ofRun("r1", range(0, "absent", 7)), ofRun("r1", range(1, "absent", 3))])]);
  await first.commit(0, TABLE, [share([ofRun("r1", range(0, 7, 9))])]);
  await first.commit(0, TABLE, [share([ofRun("r2", range(0, "absent", 5), "returns")])]);
  const other = committer(storage, { appId: "other", othersAllowed: true });
  await other.commit(0, TABLE, [share([ofRun("r3", range(0, "absent", 5))])]);

  const found = await committer(storage).replayedOffsets("orders");
  assertEquals(found.map(({ topic, partition, offset }) => [topic, partition, offset]), [
    ["orders@r1", 0, 9n],
    ["orders@r1", 1, 3n],
  ]);
});
