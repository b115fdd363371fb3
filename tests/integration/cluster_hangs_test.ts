/**
 * A broker that takes connections and answers nothing, first in the list of those to begin with.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { TopicPartition } from "../../runtime/api/offsets.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createAdmin } from "../../runtime/kafka/admin.ts";
import { createMembership } from "../../runtime/kafka/membership.ts";
import { collectingLog } from "../support/log.ts";
import { broker, freshName, makeTopic, settingsFor, until } from "./support.ts";

const bootstrap = await broker();

Deno.test("Membership joins and leaves past a broker that hangs, though it is the first of bootstrap.servers", async () => {
  const topic = await makeTopic(bootstrap, 2);
  await using silent = silentServer();
  const settings = await settingsFor(`127.0.0.1:${silent.port},${bootstrap}`);
  const log = collectingLog();
  const admin = createAdmin({ settings: settings.admin, log, readCommitted: true });
  const common = { clock: systemClock, log, random: () => 0.5 };
  const group = freshName("connect-g");
  const membership = createMembership({ settings: settings.consumer, group, topics: [topic], admin, ...common });
  let held: readonly TopicPartition[] = [];
  const started = systemClock.monotonic();
  await membership.join({
    onAssigned: (partitions) => held = partitions,
    onRevoking: () => Promise.resolve(),
    onLost: () => {},
    onFailed: (error) => {
      throw error;
    },
  });
  await until("it holds all", () => held.length === 2);
  assert(silent.connections > 0, "the one that hangs was asked");
  await membership.leave();
  await admin.close();
  const tookMs = systemClock.monotonic() - started;
  assert(tookMs < settings.consumer.requestTimeoutMs * 0.8, `it took ${tookMs} ms to join and leave`);
});

/** Takes connections and keeps them; reads and answers nothing. */
function silentServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) taken.push(connection);
  })();
  return {
    port: listener.addr.port,
    get connections() {
      return taken.length;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await accepting;
      for (const connection of taken) connection.close();
    },
  };
}
