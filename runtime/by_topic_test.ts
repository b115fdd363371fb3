import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { FatalError } from "./api/mod.ts";
import { byTopic } from "./by_topic.ts";

/** Refuses what holds one of `bad`. */
const refusing = (bad: string, calls: string[] = []) => (items: readonly string[]) => {
  calls.push(items.join(""));
  const found = items.find((item) => bad.includes(item));
  return found === undefined ? Promise.resolve(items.join("")) : Promise.reject(new FatalError(`no ${found}`));
};

Deno.test("byTopic() asks once where nothing is wrong", async () => {
  const calls: string[] = [];
  const { results, failed } = await byTopic([..."abc"], (item) => item, refusing("", calls), new FakeClock());
  assertEquals([results, failed.size, calls], [["abc"], 0, ["abc"]]);
});

Deno.test("byTopic() finds whose a failure is, and has the results of the others", async () => {
  const { results, failed } = await byTopic([..."abcd"], (item) => item, refusing("bd"), new FakeClock());
  assertEquals(results.sort(), ["a", "c"]);
  assertEquals([...failed].map(([topic, { message }]) => `${topic}: ${message}`).sort(), ["b: no b", "d: no d"]);
});

Deno.test("byTopic() passes on what is no verdict on a topic", async () => {
  const bug = () => Promise.reject(new TypeError("a bug"));
  await assertRejects(() => byTopic(["a"], (item) => item, bug, new FakeClock()), TypeError, "a bug");
});
