/**
 * Whether the broker will delete letters by itself.
 *
 * @module
 */
import { FatalError, RetriableError } from "../../api/mod.ts";
import type { TopicAdmin } from "../../kafka/types.ts";

/** What the topic of a queue does to its letters, for people; null: it keeps them for ever. */
export async function retentionWarning(
  admin: Pick<TopicAdmin, "topicConfig">,
  topic: string,
  bootstrap: string,
): Promise<string | null> {
  let found: (string | null)[];
  try {
    const names = ["cleanup.policy", "retention.ms", "retention.bytes"];
    found = await Promise.all(names.map((name) => admin.topicConfig(topic, name)));
  } catch (error) {
    // E.g. not allowed to read a topic's configuration: no reason to show no letters.
    if (!(error instanceof FatalError || error instanceof RetriableError)) throw error;
    return `Warning: how long "${topic}" keeps letters is not known: ${error.message}`;
  }
  const [policy, ms, bytes] = found;
  const deletes = policy === null || policy.includes("delete");
  const losses = [
    ...(policy?.includes("compact")
      ? [`of letters with the same key it keeps the last (cleanup.policy ${policy})`]
      : []),
    ...(deletes && ms !== null && ms !== "-1"
      ? [`it deletes letters whose records are older than ${daysText(Number(ms))} (retention.ms ${ms})`]
      : []),
    ...(deletes && bytes !== null && bytes !== "-1"
      ? [`it deletes letters beyond ${bytes} bytes a partition (retention.bytes)`]
      : []),
  ];
  if (losses.length === 0) return null;
  return `Warning: "${topic}" does not keep letters: ${losses.join("; ")}. To keep them: kafka-configs.sh ` +
    `--bootstrap-server ${bootstrap} --alter --topic ${topic} --add-config ` +
    "cleanup.policy=delete,retention.ms=-1,retention.bytes=-1";
}

function daysText(ms: number): string {
  const [unit, name] = ms >= 86_400_000 ? [86_400_000, "d"] : ms >= 3_600_000 ? [3_600_000, "h"] : [1000, "s"];
  return `${Math.round(ms / unit * 10) / 10} ${name}`;
}
