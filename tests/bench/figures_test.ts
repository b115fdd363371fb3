import { assertEquals, assertThrows } from "@std/assert";
import { comparison, median, rounded, summary } from "./figures.ts";
import { peerFigures } from "./peer.ts";

Deno.test("median() takes the middle one, or the mean of both", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 10]), 3);
  assertEquals(median([7]), 7);
  assertThrows(() => median([]), RangeError);
});

Deno.test("rounded() keeps two digits after the point, and three where the number is small", () => {
  assertEquals([rounded(1234.567), rounded(0), rounded(0.0012345), rounded(1)], [1234.57, 0, 0.00123, 1]);
});

Deno.test("summary() says once what is the same, and spreads what was measured", () => {
  const runs = [5, 3, 9].map((seconds) => ({ bench: "drain", format: "json", rows: 10, seconds, note: `${seconds}` }));
  assertEquals(summary(runs), {
    bench: "drain",
    format: "json",
    rows: 10,
    summary_of_runs: 3,
    seconds: { median: 5, min: 3, max: 9 },
  });
});

Deno.test("comparison() gives our medians as multiples of the peer's, for figures that both have", () => {
  const ours = [{ records_per_s: 900, cpu_s_per_million: 1 }, { records_per_s: 1100, cpu_s_per_million: 3 }];
  const theirs = [{ records_per_s: 200, cpu_s_per_million: 8, peak_rss_mb: 900 }];
  assertEquals(comparison(ours, theirs), {
    comparison_of_runs: 1,
    records_per_s: { ours: 1000, peer: 200 },
    rate_ratio: 5,
    cpu_s_per_million: { ours: 2, peer: 8 },
    cpu_per_million_ratio: 0.25,
  });
});

Deno.test("peerFigures() takes the last line, and refuses missing rows and other text", () => {
  const topic = {
    ...{ name: "t", format: "json", schema: "flat8", compression: "none" } as const,
    ...{ records: 2_000_000, partitions: 4 },
  };
  const line = { peer: "other", rows: 2_000_000, cpu_s: 16, records_per_s: 5 };
  const printed = `starting\n${JSON.stringify(line)}\n`;
  assertEquals(peerFigures(printed, topic), { bench: "peer", ...line, cpu_s_per_million: 8 });
  assertThrows(() => peerFigures(JSON.stringify({ rows: 1 }), topic), Error, "1 rows, wanted 2000000");
  assertThrows(() => peerFigures("failed\n", topic), Error, "no JSON: failed");
});
