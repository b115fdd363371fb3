import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { collectingLog } from "../tests/support/log.ts";
import { DataError, FatalError, RetriableError } from "./api/mod.ts";
import { createRetry, type RetryOptions } from "./retry.ts";

function setUp(options: Partial<RetryOptions> = {}) {
  const clock = new FakeClock(0, { runsAhead: true });
  const log = collectingLog();
  const retry = createRetry({ clock, log, random: () => 1, delayMsMax: 1000, timeoutMs: 5000, ...options });
  return { clock, log, retry };
}

/** Fails `times` times, then gives 7. */
function failing(times: number, error: () => Error = () => new RetriableError("broker away")) {
  let calls = 0;
  const attempt = () => ++calls <= times ? Promise.reject(error()) : Promise.resolve(7);
  return { attempt, calls: () => calls };
}

Deno.test("createRetry() repeats a RetriableError with doubling delays up to the cap", async () => {
  const waits: number[] = [];
  const { retry, clock, log } = setUp({ onRetry: () => waits.push(clock.monotonic()) });
  const { attempt, calls } = failing(4);
  assertEquals(await retry("fetch", attempt), 7);
  assertEquals(calls(), 5);
  assertEquals(waits, [0, 300, 900, 1900]);
  assertEquals(clock.monotonic(), 2900);
  assertEquals(log.lines.map((line) => line.fields.waitMs), [300, 600, 1000, 1000]);
});

Deno.test("createRetry() draws the delay between zero and the bound", async () => {
  const draws = [0, 0.5];
  const { retry, clock } = setUp({ random: () => draws.shift()! });
  assertEquals(await retry("fetch", failing(2).attempt), 7);
  assertEquals(clock.monotonic(), 300);
});

Deno.test("createRetry() turns the failure at the deadline into a FatalError with the cause", async () => {
  const { retry, clock } = setUp();
  const { attempt } = failing(Infinity);
  const error = await assertRejects(() => retry("write part-0.parquet", attempt), FatalError);
  assertEquals(
    error.message,
    "Cannot write part-0.parquet: gave up after 8 attempts in 5000 ms, the limit is 5000 ms: broker away",
  );
  assertEquals(clock.monotonic(), 5000);
  assertEquals((error.cause as Error).name, "RetriableError");
});

Deno.test("createRetry() makes one attempt where the timeout is 0", async () => {
  const { retry } = setUp({ timeoutMs: 0 });
  const { attempt, calls } = failing(Infinity);
  await assertRejects(() => retry("fetch", attempt), FatalError, "retries are off");
  assertEquals(calls(), 1);
});

Deno.test("createRetry() never gives up where the timeout is -1", async () => {
  const { retry } = setUp({ timeoutMs: -1 });
  assertEquals(await retry("fetch", failing(500).attempt), 7);
});

Deno.test("createRetry() passes every other error through at once", async () => {
  const { retry } = setUp();
  for (const bug of [new DataError("bad", { reason: "bad" }), new FatalError("stop"), new TypeError("bug")]) {
    const { attempt, calls } = failing(1, () => bug);
    assertStrictEquals(await assertRejects(() => retry("decode", attempt)), bug);
    assertEquals(calls(), 1);
  }
});

Deno.test("createRetry() stops waiting when its signal aborts", async () => {
  const abort = new AbortController();
  const clock = new FakeClock();
  const { retry } = setUp({ clock, signal: abort.signal });
  const result = retry("fetch", failing(Infinity).attempt);
  await clock.advance(1);
  assertEquals(clock.sleepers, 1);
  abort.abort(new Error("stopping"));
  await assertRejects(() => result, Error, "stopping");
});
