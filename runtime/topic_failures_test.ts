import { assertEquals } from "@std/assert";
import { FakeClock } from "../tests/support/fake_clock.ts";
import { collectingLog } from "../tests/support/log.ts";
import { FatalError } from "./api/mod.ts";
import { TopicFailures } from "./topic_failures.ts";

/** Failures of topics whose attempts do what `reopen` says. */
function failuresOf(reopen: (topics: TopicFailures, topic: string) => void, max = 3) {
  const clock = new FakeClock();
  const states: string[] = [];
  const ending = new AbortController();
  const topics: TopicFailures = new TopicFailures({
    restart: { max, backoffMs: 100, backoffMsMax: 250 },
    clock,
    log: collectingLog(),
    signal: ending.signal,
    reopen: (topic) => Promise.resolve().then(() => reopen(topics, topic)),
    onState: (topic, state) => states.push(`${clock.monotonic()} ${topic} ${state}`),
  });
  return { topics, clock, states, ending };
}

Deno.test("TopicFailures tries again after pauses that double, and gives up at the limit", async () => {
  const { topics, clock, states } = failuresOf(() => {
    throw new FatalError("still broken");
  });
  topics.parked("orders", "broken");
  assertEquals([topics.isParked("orders"), topics.isParked("users")], [true, false]);
  await clock.advance(10_000);
  assertEquals(states, ["0 orders RESTARTING", "100 orders RESTARTING", "300 orders RESTARTING", "550 orders FAILED"]);
  assertEquals(topics.failed, [["orders", "still broken"]]);
});

Deno.test("TopicFailures counts anew after a commit, and not after a start alone", async () => {
  const { topics, clock, states } = failuresOf((topics, topic) => topics.reopened(topic), 2);
  topics.parked("orders", "broken");
  await clock.advance(100);
  topics.parked("orders", "broken");
  await clock.advance(200);
  topics.committed("orders");
  topics.parked("orders", "broken");
  assertEquals(topics.hasFailed("orders"), false);
  await clock.advance(100);
  topics.parked("orders", "broken");
  await clock.advance(200);
  topics.parked("orders", "broken");
  assertEquals(topics.hasFailed("orders"), true);
  assertEquals(states.at(-1), "600 orders FAILED");
});

Deno.test("TopicFailures leaves a topic alone that went to another process meanwhile", async () => {
  const { topics, clock, states } = failuresOf((topics, topic) => topics.reopened(topic));
  topics.parked("orders", "broken");
  topics.forget("orders");
  await clock.advance(1000);
  assertEquals(states, ["0 orders RESTARTING", "0 orders RUNNING"]);
});
