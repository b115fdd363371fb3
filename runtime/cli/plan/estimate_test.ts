import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { expectedOf, rateOf, size } from "./estimate.ts";
import { sampleRanges } from "./sample_ranges.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = 1_800_000_000_000;
const growth = { total: 0, lastDay: 0, firstMs: null, lastMs: null, bytesPerRecord: 100, nowMs: NOW_MS };

Deno.test("rateOf() is the last day's, a younger topic's own age's, an idle topic's whole log's", () => {
  assertEquals(rateOf(growth), null);
  const old = { ...growth, total: 10_000_000, lastDay: 864_000, firstMs: NOW_MS - 240 * HOUR_MS, lastMs: NOW_MS };
  assertEquals(rateOf(old), { messagesPerSecond: 10, bytesPerSecond: 1000, over: "the last day" });
  const young = rateOf({ ...old, total: 7200, lastDay: 7200, firstMs: NOW_MS - 2 * HOUR_MS });
  assertEquals([young?.messagesPerSecond, young?.over], [1, "the log's 2 hours"]);
  const idle = rateOf({
    ...old,
    total: 3600,
    lastDay: 0,
    firstMs: NOW_MS - 50 * HOUR_MS,
    lastMs: NOW_MS - 49 * HOUR_MS,
  });
  assertEquals(idle?.messagesPerSecond, 1);
  assert(idle?.over.includes("nothing came in the last day"));
});

Deno.test("rateOf() of records that came at once is over a minute at least", () => {
  const burst = rateOf({ ...growth, total: 600, lastDay: 600, firstMs: NOW_MS, lastMs: NOW_MS });
  assertEquals(burst?.messagesPerSecond, 10);
});

Deno.test("expectedOf() counts a file a task and partition, more where they are too large, none where nothing comes", () => {
  const rate = { messagesPerSecond: 1000, bytesPerSecond: 1, over: "" };
  const rounds = {
    rate,
    bytesPerRow: 100,
    passing: 1,
    commitIntervalMs: 60_000,
    tasks: 2,
    tablePartitions: 3,
    fileBytesMax: 1e9,
  };
  assertEquals(expectedOf(rounds), { commitsPerHour: 60, filesPerHour: 360, bytesPerFile: 1e6 });
  const split = expectedOf({ ...rounds, fileBytesMax: 500_000 });
  assertEquals([split.filesPerHour, split.bytesPerFile], [720, 500_000]);
  assertEquals(expectedOf({ ...rounds, passing: 0 }).commitsPerHour, 0);
  const slow = expectedOf({ ...rounds, rate: { ...rate, messagesPerSecond: 1 / 3600 } });
  assertEquals(slow.commitsPerHour.toFixed(6), "1.000000");
  assertEquals(slow.filesPerHour.toFixed(6), "1.000000");
});

Deno.test("sampleRanges() reads no offset twice, stays in the logs, and takes what is wanted where it is there", () => {
  const log = fc.record({ start: fc.bigInt(0n, 100n), count: fc.bigInt(0n, 500n) });
  const from = fc.constantFrom("newest" as const, "oldest" as const, "both" as const);
  fc.assert(
    fc.property(fc.array(log, { maxLength: 6 }), fc.integer({ min: 1, max: 1000 }), from, (made, wanted, from) => {
      const logs = made.map(({ start, count }, partition) => (
        { topic: "t", topicId: "i", partition, start, end: start + count }
      ));
      const { newest, oldest } = sampleRanges(logs, wanted, from);
      const seen = new Set<string>();
      for (const { partition, from, to } of [...newest, ...oldest]) {
        assert(from < to && from >= logs[partition].start && to <= logs[partition].end);
        for (let offset = from; offset < to; offset++) {
          const key = `${partition} ${offset}`;
          assert(!seen.has(key));
          seen.add(key);
        }
      }
      const there = made.reduce((sum, { count }) => sum + Number(count), 0);
      assertEquals(seen.size, Math.min(wanted, there));
      if (from === "newest") assertEquals(oldest.length, 0);
      if (from === "oldest") assertEquals(newest.length, 0);
    }),
  );
});

Deno.test("size() has the largest unit that fits", () => {
  assertEquals([size(90), size(1536), size(3 * 2 ** 30)], ["90 bytes", "1.5 KiB", "3 GiB"]);
});
