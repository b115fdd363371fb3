import { assertEquals } from "@std/assert";
import { type SubjectNameStrategy, subjectOf } from "./subject_names.ts";

const held = [
  { subject: "orders-value", version: 3 },
  { subject: "orders-shop.Order", version: 1 },
  { subject: "shop.Order", version: 7 },
];
const named = (strategy: SubjectNameStrategy, subjects = held) =>
  subjectOf(subjects, { strategy, topic: "orders", side: "value" })?.subject ?? null;

Deno.test("subjectOf() picks by the strategy, whether it is named by its class or without its package", () => {
  assertEquals(named("TopicNameStrategy"), "orders-value");
  assertEquals(named("TopicRecordNameStrategy"), "orders-shop.Order");
  assertEquals(named("io.confluent.kafka.serializers.subject.RecordNameStrategy"), "shop.Order");
});

Deno.test("subjectOf() looks past a context, takes the newest version, and the only subject whatever its name", () => {
  const versions = [{ subject: ":.eu:orders-value", version: 1 }, { subject: ":.eu:orders-value", version: 4 }];
  assertEquals(subjectOf(versions, { strategy: "TopicNameStrategy", topic: "orders", side: "value" }), versions[1]);
  assertEquals(named("RecordNameStrategy", [{ subject: "orders-value", version: 1 }]), "orders-value");
});

Deno.test("subjectOf() names none where several are as likely", () => {
  assertEquals(named("TopicNameStrategy", [{ subject: "a", version: 1 }, { subject: "b", version: 1 }]), null);
  assertEquals(named("TopicNameStrategy", []), null);
});
