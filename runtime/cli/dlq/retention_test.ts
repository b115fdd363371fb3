import { assertEquals, assertStringIncludes } from "@std/assert";
import { FatalError } from "../../api/mod.ts";
import { retentionWarning } from "./retention.ts";

const adminOf = (config: Readonly<Record<string, string>>) => ({
  topicConfig: (_topic: string, name: string) => Promise.resolve(config[name] ?? null),
});

Deno.test("retentionWarning() names what the broker deletes, and the command that ends it", async () => {
  const warningOf = (config: Readonly<Record<string, string>>) => retentionWarning(adminOf(config), "dead", "k:9092");
  assertEquals(
    await warningOf({ "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" }),
    null,
  );
  const week = (await warningOf({ "cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1" }))!;
  assertStringIncludes(week, "older than 7 d");
  assertStringIncludes(week, "--bootstrap-server k:9092 --alter --topic dead --add-config");
  assertStringIncludes((await warningOf({ "retention.bytes": "1000" }))!, "beyond 1000 bytes");
  assertStringIncludes((await warningOf({ "cleanup.policy": "compact", "retention.ms": "5" }))!, "keeps the last");
});

Deno.test("retentionWarning() says that it is not known where the broker does not tell", async () => {
  const refusing = { topicConfig: () => Promise.reject(new FatalError("not allowed")) };
  assertStringIncludes((await retentionWarning(refusing, "dead", "k:9092"))!, "is not known: not allowed");
});
