import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { createLog, type LogOptions } from "./log.ts";

function setUp(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    clock: new FakeClock(0),
    sink: (line) => lines.push(line),
    ...options,
  });
  return { log, lines };
}

Deno.test("createLog() writes an object a line, the place first, bigints as they are", () => {
  const { log, lines } = setUp();
  const task = log.with({ connector: "orders", task: 1 });
  task.info("Committed", { rows: 10, offset: 2n ** 60n, partition: 3, lag: 5n, topic: "t", none: undefined });
  assertEquals(
    lines[0],
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"Committed","connector":"orders","task":1,' +
      '"topic":"t","partition":3,"offset":"1152921504606846976","rows":10,"lag":5}',
  );
});

Deno.test("createLog() writes text that people read, one line whatever the values hold", () => {
  const { log, lines } = setUp({ format: "text" });
  log.warn("First\nsecond\x1b[31m", { topic: "t", reason: "a b", empty: "", quote: 'x"y', n: 5n });
  assertEquals(
    lines[0],
    '1970-01-01T00:00:00.000Z WARN  First | second [31m  topic=t reason="a b" empty="" quote="x\\"y" n=5',
  );
});

Deno.test("createLog() obeys a level that changes while it runs, in children too", () => {
  const { log, lines } = setUp();
  const child = log.with({ task: 0 });
  child.debug("unseen");
  log.level = "debug";
  child.debug("seen");
  log.level = "error";
  child.warn("unseen");
  assertEquals(lines.map((line) => JSON.parse(line).message), ["seen"]);
  assertEquals(log.level, "error");
});

Deno.test("createLog() keeps its own fields apart from others of their names", () => {
  const { log, lines } = setUp();
  log.info("Hello", { message: "other", level: "x" });
  const { message, level, message_, level_ } = JSON.parse(lines[0]);
  assertEquals([message, level, message_, level_], ["Hello", "info", "other", "x"]);
});

Deno.test("createLog() appends to a file", async () => {
  const file = await Deno.makeTempFile();
  try {
    for (const message of ["one", "two"]) {
      const log = createLog({ level: "info", format: "text", file });
      log.info(message);
      log.close();
    }
    const lines = (await Deno.readTextFile(file)).trimEnd().split("\n");
    assertEquals(lines.length, 2);
    assert(lines[1].endsWith("two"));
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("createLog() has a level for each connector, until the root's is set for all", () => {
  const { log, lines } = setUp({ format: "text" });
  const orders = log.with({ connector: "orders" });
  log.setLevel("connector.orders", "debug");
  orders.debug("a");
  log.with({ connector: "lines" }).debug("b");
  log.debug("c", { connector: "orders" });
  assertEquals([...log.levels()], [
    ["root", { level: "info", setMs: null }],
    ["connector.orders", { level: "debug", setMs: 0 }],
  ]);
  log.setLevel("root", "warn");
  orders.info("d");
  orders.warn("e");
  assertEquals(lines.map((line) => / ([a-z]) {2}/.exec(line)?.[1]), ["a", "c", "e"]);
  assertEquals([...log.levels()], [["root", { level: "warn", setMs: 0 }]]);
});
