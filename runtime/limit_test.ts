import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { createLimit } from "./limit.ts";

/** Work that ends when the test says so. */
function works(names: string) {
  const begun: string[] = [];
  const ends = new Map([...names].map((name) => [name, Promise.withResolvers<string>()]));
  const work = (name: string) => () => {
    begun.push(name);
    return ends.get(name)!.promise;
  };
  return { begun, work, end: (name: string) => ends.get(name)!.resolve(name), fail: ends };
}

Deno.test("createLimit() runs so many at a time, in the order in which they came, and survives failures", async () => {
  const clock = new FakeClock();
  const limit = createLimit(2, { clock, slowMs: 1000 });
  const { begun, work, end, fail } = works("abcd");
  const results = ["a", "b", "c", "d"].map((name) => limit(work(name)));
  await clock.advance(1);
  assertEquals(begun.join(""), "ab");
  const failing = assertRejects(() => results[1], Error, "no");
  fail.get("b")!.reject(new Error("no"));
  await failing;
  await clock.advance(1);
  assertEquals(begun.join(""), "abc");
  for (const name of "acd") end(name);
  assertEquals(await Promise.all([results[0], results[2], results[3]]), ["a", "c", "d"]);
  assertEquals(clock.sleepers, 0);
});

Deno.test("createLimit() lets others pass what is slow, once for each", async () => {
  const clock = new FakeClock();
  const limit = createLimit(1, { clock, slowMs: 1000 });
  const { begun, work, end } = works("abc");
  const [first] = ["a", "b", "c"].map((name) => limit(work(name)));
  await clock.advance(999);
  assertEquals(begun.join(""), "a");
  await clock.advance(2);
  assertEquals(begun.join(""), "ab");
  end("a");
  await first;
  await clock.advance(1);
  assertEquals(begun.join(""), "ab", "its slot was given away before");
});
