/**
 * Groups that nobody is in: who is, and their offsets. The client is loaded with the first question.
 *
 * @module
 */
import type { Admin } from "@platformatic/kafka";
import type { Offsets } from "../api/offsets.ts";
import { classify } from "./classify.ts";
import { clientPart } from "./client.ts";
import { clientOptions, forgetLostConnections } from "./client_options.ts";
import type { ConnectionSettings } from "./settings.ts";

/** The client ids of a group's members; a group that does not exist has none. */
export async function groupMembers(settings: ConnectionSettings, group: string): Promise<string[]> {
  const groups = await run(
    settings,
    `Cannot describe group "${group}"`,
    (admin) => admin.describeGroups({ groups: [group] }),
  );
  return [...groups.get(group)?.members.values() ?? []].map(({ clientId, clientHost }) =>
    `${clientId} (${clientHost})`
  );
}

/** Sets a group's offsets. The group must have no members. */
export async function setGroupOffsets(settings: ConnectionSettings, group: string, offsets: Offsets): Promise<void> {
  if (offsets.length === 0) return;
  const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, own]) => ({
    name,
    partitionOffsets: own.map(({ partition, offset }) => ({ partition, offset })),
  }));
  await run(
    settings,
    `Cannot set the offsets of group "${group}"`,
    (admin) => admin.alterConsumerGroupOffsets({ groupId: group, topics }),
  );
}

async function run<T>(settings: ConnectionSettings, what: string, call: (admin: Admin) => Promise<T>): Promise<T> {
  const { Admin } = await clientPart("clients/admin/admin.js", ["Admin"]);
  const admin = new Admin({ ...clientOptions(settings), retries: 3, retryDelay: 200 });
  forgetLostConnections(admin);
  try {
    return await call(admin);
  } catch (error) {
    throw classify(error, what);
  } finally {
    await admin.close();
  }
}
