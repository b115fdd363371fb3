import { assert, assertEquals, assertRejects } from "@std/assert";
import { Connection, leaveGroupV4 } from "@platformatic/kafka";
import { RetriableError } from "../../runtime/api/errors.ts";
import type { TopicPartition } from "../../runtime/api/offsets.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createAdmin } from "../../runtime/kafka/admin.ts";
import { createMembership } from "../../runtime/kafka/membership.ts";
import type { MembershipEvents } from "../../runtime/kafka/types.ts";
import { collectingLog } from "../support/log.ts";
import { broker, freshName, makeTopic, settingsFor, until, withAdmin } from "./support.ts";

const bootstrap = await broker();

/** A member that keeps what it was told. */
class Member implements MembershipEvents {
  held: readonly TopicPartition[] = [];
  readonly told: string[] = [];
  onHandback: () => Promise<void> = () => Promise.resolve();
  onAssigned(partitions: readonly TopicPartition[]): void {
    this.held = partitions;
    this.told.push(`assigned ${partitions.length}`);
  }
  async onRevoking(): Promise<void> {
    this.told.push("revoking");
    await this.onHandback();
    this.told.push("revoked");
    this.held = [];
  }
  onLost(): void {
    this.held = [];
    this.told.push("lost");
  }
  onFailed(error: Error): void {
    this.told.push(`failed ${error.message}`);
  }
}

async function member(group: string, topics: readonly string[] | RegExp) {
  const settings = await settingsFor(bootstrap, { "heartbeat.interval.ms": "200", "session.timeout.ms": "6000" });
  const log = collectingLog();
  const admin = createAdmin({ settings: settings.admin, log, readCommitted: true });
  const common = { clock: systemClock, log, random: () => 0.5 };
  const membership = createMembership({ settings: settings.consumer, group, topics, admin, ...common });
  const events = new Member();
  const end = async () => {
    await membership.leave();
    await admin.close();
  };
  return { membership, events, admin, end };
}

Deno.test("Membership lets a second member in only after the first has prepared and committed", async () => {
  const topic = await makeTopic(bootstrap, 4);
  const group = freshName("connect-g");
  const a = await member(group, [topic]);
  await a.membership.join(a.events);
  await until("a holds all", () => a.events.held.length === 4);
  const [{ topicId }] = await a.admin.describeTopics([topic]);
  assert(a.events.held.every((p) => p.topicId === topicId));
  assertEquals(a.events.told, ["assigned 4"], "the hook did nothing before the first assignment");
  const offsets = [0, 1, 2, 3].map((partition) => ({ topic, topicId, partition, offset: BigInt(10 + partition) }));
  const b = await member(group, [topic]);
  let committed = false;
  a.events.onHandback = async () => {
    await systemClock.sleep(1000);
    await a.membership.advance(offsets);
    assertEquals(b.events.told, []);
    committed = true;
  };
  await b.membership.join(b.events);
  assert(committed);
  await until("both have a share", () => a.events.held.length === 2 && b.events.held.length === 2);
  assertEquals(a.events.told, ["assigned 4", "revoking", "revoked", "assigned 2"]);
  assertEquals(await a.admin.groupOffsets(group, offsets), offsets);
  const foreign = offsets.filter((o) => b.events.held.some((p) => p.partition === o.partition));
  await assertRejects(() => a.membership.advance(foreign), RetriableError, "not assigned");
  await b.end();
  await until("a holds all again", () => a.events.held.length === 4);
  await a.end();
});

Deno.test("Membership picks up new partitions and topics that newly match the pattern", async () => {
  const prefix = freshName("match");
  const first = await makeTopic(bootstrap, 1, {}, `${prefix}-a`);
  const a = await member(freshName("connect-g"), new RegExp(`${prefix}-.*`));
  await a.membership.join(a.events);
  await until("the first is held", () => a.events.held.length === 1);
  await withAdmin(bootstrap, (admin) => admin.createPartitions({ topicPartitions: [{ topic: first, count: 2 }] }));
  await until("its second partition is held", () => a.events.held.length === 2);
  await makeTopic(bootstrap, 1, {}, `${prefix}-b`);
  await makeTopic(bootstrap, 1, {}, `x${prefix}-c`);
  await until("the second topic is held", () => a.events.held.length === 3);
  assert(a.events.told.includes("revoked") && !a.events.told.includes("lost"));
  await a.end();
});

Deno.test("Membership waits for a topic that is not there yet", async () => {
  const topic = freshName("later");
  const a = await member(freshName("connect-g"), [topic]);
  const joined = a.membership.join(a.events);
  await systemClock.sleep(300);
  await makeTopic(bootstrap, 1, {}, topic);
  await joined;
  await until("it is held", () => a.events.held.length === 1);
  await a.end();
});

Deno.test("Membership tells a lost session and joins anew by itself", async () => {
  const topic = await makeTopic(bootstrap, 2);
  const group = freshName("connect-g");
  const a = await member(group, [topic]);
  await a.membership.join(a.events);
  await until("a holds all", () => a.events.held.length === 2);
  await withAdmin(bootstrap, async (admin) => {
    const { groups: [{ members: [{ memberId }] }] } = await admin.describeGroups([group]);
    const [host, port] = bootstrap.split(":");
    const connection = new Connection("test");
    await connection.connect(host, Number(port));
    await leaveGroupV4.api.async(connection, group, [{ memberId }]);
    await connection.close();
  });
  await until("a was told and holds all again", () => a.events.told.length === 3 && a.events.held.length === 2);
  assertEquals(a.events.told, ["assigned 2", "lost", "assigned 2"]);
  await a.end();
});
