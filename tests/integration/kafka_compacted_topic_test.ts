import { assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../runtime/api/errors.ts";
import { systemClock } from "../../runtime/clock.ts";
import { CompactedTopic } from "../../runtime/kafka/compacted_topic.ts";
import { collectingLog } from "../support/log.ts";
import { broker, freshName, makeTopic, settingsFor } from "./support.ts";

const bootstrap = await broker();
const settings = await settingsFor(bootstrap);

function open(topic: string): CompactedTopic {
  const log = collectingLog();
  return new CompactedTopic({ settings, topic, replicationFactor: 1, clock: systemClock, log, random: Math.random });
}

function texts(entries: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...entries].map(([key, value]) => [key, new TextDecoder().decode(value)]).sort());
}

Deno.test("CompactedTopic holds what was put last, for whoever reads it next and for who reads on", async () => {
  const topic = freshName("map");
  const bytes = (text: string) => new TextEncoder().encode(text);
  const first = open(topic);
  const second = open(topic);
  try {
    assertEquals(texts(await first.load()), {});
    await first.put("a", bytes("1"));
    await first.putAll([["b", bytes("2")], ["a", bytes("3")], ["gone", bytes("4")]]);
    await first.delete("gone");
    assertEquals(texts(first.entries), { a: "3", b: "2" });
    assertEquals(texts(await second.load()), { a: "3", b: "2" });
    await second.put("c", bytes("5"));
    await second.delete("b");
    assertEquals(texts(await first.refresh()), { a: "3", c: "5" });
    assertEquals(texts(await first.refresh()), { a: "3", c: "5" });
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
});

Deno.test("CompactedTopic.load() refuses a topic that is not compacted", async () => {
  const map = open(await makeTopic(bootstrap));
  await assertRejects(() => map.load(), FatalError, "cleanup.policy is delete");
  await map.close();
});
