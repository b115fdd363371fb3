import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { systemClock } from "./clock.ts";

Deno.test("systemClock sleeps and its monotonic time goes on", async () => {
  const before = systemClock.monotonic();
  await systemClock.sleep(2);
  assert(systemClock.monotonic() >= before + 1);
  assert(systemClock.now() > 1_700_000_000_000);
});

Deno.test("systemClock.sleep() rejects with the signal's reason as soon as it aborts", async () => {
  const abort = new AbortController();
  const sleep = systemClock.sleep(60_000, abort.signal);
  abort.abort(new Error("stopping"));
  await assertRejects(() => sleep, Error, "stopping");
  await assertRejects(() => systemClock.sleep(1, abort.signal), Error, "stopping");
});

Deno.test("FakeClock wakes sleepers in the order of their time", async () => {
  const clock = new FakeClock(1000);
  const woken: string[] = [];
  const later = clock.sleep(20).then(() => woken.push(`later at ${clock.now()}`));
  const sooner = clock.sleep(10).then(async () => {
    woken.push(`sooner at ${clock.now()}`);
    await clock.sleep(5);
    woken.push(`again at ${clock.now()}`);
  });
  await clock.advance(9);
  assertEquals(woken, []);
  await clock.advance(11);
  assertEquals(woken, ["sooner at 1010", "again at 1015", "later at 1020"]);
  assertEquals(clock.monotonic(), 20);
  await Promise.all([later, sooner]);
});

Deno.test("FakeClock.sleep() forgets a sleeper whose signal aborts", async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const sleep = clock.sleep(10, abort.signal);
  abort.abort(new Error("stopping"));
  await assertRejects(() => sleep, Error, "stopping");
  assertEquals(clock.sleepers, 0);
});

Deno.test("FakeClock that runs ahead never waits", async () => {
  const clock = new FakeClock(0, { runsAhead: true });
  await clock.sleep(3_600_000);
  assertEquals(clock.now(), 3_600_000);
});
