import { assertEquals, assertThrows } from "@std/assert";
import { FatalError } from "../../../mod.ts";
import { checkpointPath, chooseSegment, commitPath } from "./log.ts";

const part = (version: number, n: number, of: number) =>
  `_delta_log/${String(version).padStart(20, "0")}.checkpoint.${String(n).padStart(10, "0")}.` +
  `${String(of).padStart(10, "0")}.parquet`;

Deno.test("chooseSegment() takes the newest whole checkpoint, of several parts too, and the commits after it", () => {
  const paths = [commitPath(2n), commitPath(3n), checkpointPath(1n), part(2, 2, 2), part(2, 1, 2), part(3, 1, 2)];
  assertEquals(chooseSegment(paths), {
    version: 3n,
    checkpoint: { version: 2n, paths: [part(2, 1, 2), part(2, 2, 2)] },
    commits: [3n],
  });
  assertEquals(chooseSegment(["_delta_log/00000000000000000001.crc", "_delta_log/x.tmp"]), null);
  assertEquals(chooseSegment(paths, 2n)?.commits, []);
});

Deno.test("chooseSegment() refuses a log with a gap", () => {
  assertThrows(() => chooseSegment([commitPath(0n), commitPath(2n)]), FatalError, "version 1 is missing");
  assertThrows(() => chooseSegment([commitPath(5n)]), FatalError, "version 0 is missing");
});
