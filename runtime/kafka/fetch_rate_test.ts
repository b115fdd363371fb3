import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { FetchRate } from "./fetch_rate.ts";

Deno.test("FetchRate lets a second's bytes through at once, and then as many as time brings", async () => {
  const clock = new FakeClock();
  const rate = new FetchRate(1000, clock);
  assertEquals(rate.ask(5000), 1000);
  rate.took(1000);
  assertEquals([rate.ask(5000), rate.waitMs()], [0, 100]);
  await clock.advance(100);
  assertEquals([rate.ask(5000), rate.waitMs()], [100, 0]);
  await clock.advance(60_000); // nothing is saved up beyond a second
  assertEquals(rate.ask(5000), 1000);
});

Deno.test("FetchRate has what came in excess waited for", () => {
  const rate = new FetchRate(1000, new FakeClock());
  rate.took(3000); // a batch is sent whole, however large it is
  assertEquals([rate.ask(1), rate.waitMs()], [0, 2100]);
});

Deno.test("FetchRate stays below its rate over any time, whatever the responses", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 10, max: 10_000 }),
      fc.array(fc.record({ size: fc.nat(20_000), pauseMs: fc.nat(500) }), { minLength: 1, maxLength: 30 }),
      async (bytesPerSecond, responses) => {
        const clock = new FakeClock();
        const rate = new FetchRate(bytesPerSecond, clock);
        let taken = 0;
        for (const { size, pauseMs } of responses) {
          await clock.advance(pauseMs);
          await clock.advance(rate.waitMs());
          if (rate.ask(size) === 0) continue;
          // What was over the rate before this response has been waited for.
          assert(taken <= bytesPerSecond * (1 + clock.monotonic() / 1000) + 1, `${taken} bytes`);
          taken += size;
          rate.took(size);
        }
      },
    ),
    { numRuns: 20 },
  );
});

Deno.test("FetchRate refuses a rate that nothing could pass", () => {
  assertThrows(() => new FetchRate(0, new FakeClock()), RangeError, "0 bytes/s");
});
