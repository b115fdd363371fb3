/**
 * A stop at any moment of the start.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { systemClock } from "../../runtime/clock.ts";
import { Scratch } from "./program.ts";
import { makeTopic } from "./support.ts";

Deno.test("start ends in good order on a SIGTERM while it is still starting", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 2);
  const config = await scratch.config({ topics: [topic], "tasks.max": 2 });
  for (const afterMs of [0, 300, 700, 1500]) {
    const program = scratch.start(config);
    await program.says("Starting");
    await systemClock.sleep(afterMs); // whatever it is at by then: the outcome is the same
    const { code, stderr } = await program.stop(15_000);
    assertEquals(code, 0, stderr);
  }
});

Deno.test("start ends at once on a SIGTERM while Kafka cannot be reached", async () => {
  await using scratch = await Scratch.make();
  const config = await scratch.config({ topics: ["orders"] }, { "bootstrap.servers": "127.0.0.1:1" });
  const program = scratch.start(config);
  await program.says("An attempt failed and is repeated");
  const { code, stderr } = await program.stop(10_000);
  assertEquals(code, 0, stderr);
});
