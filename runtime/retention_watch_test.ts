import { assertEquals } from "@std/assert";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { collectingLog } from "../tests/support/log.ts";
import { RetentionWatch } from "./retention_watch.ts";

/** Looks once a minute; returns at which looks it warned. */
async function warnings(looks: readonly (readonly [next: number, start: number, end: number])[]): Promise<number[]> {
  const clock = new FakeClock(0, { runsAhead: true });
  const log = collectingLog();
  const watch = new RetentionWatch({ clock, log });
  const warned: number[] = [];
  for (const [i, [next, logStartOffset, endOffset]] of looks.entries()) {
    const before = log.lines.length;
    const partition = { topic: "orders", partition: 0, next: BigInt(next) };
    watch.look([{ ...partition, endOffset: BigInt(endOffset), logStartOffset: BigInt(logStartOffset) }]);
    if (log.lines.length > before) warned.push(i);
    await clock.sleep(60_000);
  }
  return warned;
}

Deno.test("RetentionWatch warns once where reading is near the start of the log and does not gain on its end", async () => {
  assertEquals(await warnings([[105, 100, 200], [106, 100, 201], [106, 101, 210]]), [1]);
});

Deno.test("RetentionWatch warns again after a partition was well", async () => {
  assertEquals(await warnings([[105, 100, 200], [105, 100, 200], [190, 100, 200], [190, 189, 400], [190, 189, 500]]), [
    1,
    3,
  ]);
});

Deno.test("RetentionWatch is quiet while the lag shrinks, in the middle of a log, and where nothing was deleted yet", async () => {
  assertEquals(await warnings([[105, 100, 200], [107, 100, 201], [108, 100, 201]]), []);
  assertEquals(await warnings([[150, 100, 200], [150, 100, 300]]), []);
  assertEquals(await warnings([[1, 0, 200], [1, 0, 300]]), []);
  assertEquals(await warnings([[100, 100, 100], [100, 100, 100]]), []);
});
