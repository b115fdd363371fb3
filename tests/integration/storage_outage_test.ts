/**
 * Storage that fails in mid-run.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { assertRows, readDeltaRs } from "../support/tables.ts";
import { Scratch } from "./program.ts";
import { makeTopic } from "./support.ts";
import { json, produce } from "./topics.ts";

Deno.test("storage that fails in mid-run is retried and named, and nothing is lost", async () => {
  await using scratch = await Scratch.make();
  const topic = await makeTopic(scratch.bootstrap, 1);
  const config = await scratch.config({
    topics: [topic],
    "commit.interval.ms": 300,
    "errors.retry.timeout": 2000,
    "errors.retry.delay.max.ms": 500,
  }, { "task.restart.max": 0 });
  await produce(scratch.bootstrap, topic, [json({ id: 0 })]);
  const program = scratch.start(config);
  await program.says("Committed");
  // A file in the folder's place: root may write into every folder, whatever its mode.
  await Deno.rename(scratch.table(topic), `${scratch.dir}/away`);
  await Deno.writeTextFile(scratch.table(topic), "");
  await produce(scratch.bootstrap, topic, [json({ id: 1 })]);
  const ended = await program.end(40_000);
  assertEquals(ended.code, 1);
  assert(ended.stderr.includes(scratch.table(topic)), ended.stderr);
  await Deno.remove(scratch.table(topic));
  await Deno.rename(`${scratch.dir}/away`, scratch.table(topic));
  await scratch.drain(config);
  assertRows((await readDeltaRs(scratch.table(topic))).rows, [{ id: "0" }, { id: "1" }], "id");
});
