import { assertEquals, assertThrows } from "@std/assert";
import { intervalMs, readFlags } from "./flags.ts";

Deno.test("readFlags() takes several values separated by commas", () => {
  const flags = readFlags([
    "--format",
    "json,avro",
    "--records",
    "1000,2000",
    "--tasks",
    "1,2",
    "--storage",
    "local,s3",
  ]);
  assertEquals(flags.formats, ["json", "avro"]);
  assertEquals(flags.records, [1000, 2000]);
  assertEquals([flags.tasks, flags.storages, flags.commitIntervals], [[1, 2], ["local", "s3"], ["1s"]]);
  assertEquals(intervalMs("10s"), 10_000);
});

Deno.test("readFlags() refuses what it does not know, and says what there is", () => {
  const refused: [args: string[], message: string][] = [
    [["--format", "xml"], "choose from json, avro, protobuf"],
    [["--schema", "flat9"], "choose from flat8, nested"],
    [["--records", "1e"], "--records 1e"],
    [["--tasks", "0"], "1 or more"],
    [["--commit-interval", "soon"], "--commit-interval"],
    [["--topic", "filled", "--records", "10"], "give --bootstrap"],
    [["--topic", "filled", "--bootstrap", "h:1"], "--records"],
    [["--topic", "filled", "--bootstrap", "h:1", "--records", "1,2"], "one kind of records"],
    [["--topic", "filled", "--bootstrap", "h:1", "--records", "1", "--format", "avro"], "--registry"],
    [["--s3-delay-ms", "5"], "without --storage s3"],
  ];
  for (const [args, message] of refused) assertThrows(() => readFlags(args), Error, message);
});
