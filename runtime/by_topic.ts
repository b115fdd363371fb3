/**
 * Finds whose a failure is.
 *
 * @module
 */
import { type Clock, FatalError } from "./api/mod.ts";
import { createLimit } from "./limit.ts";

const AT_ONCE = 16;
const SLOW_MS = 5_000;

/**
 * Does `work` for all at once; where a FatalError ends that, for each topic by itself. Returns what came of it, and why
 * some topics have none. Anything else that is thrown is not a topic's.
 */
export async function byTopic<Item, R>(
  items: readonly Item[],
  topicOf: (item: Item) => string,
  work: (items: readonly Item[]) => Promise<R>,
  clock: Clock,
): Promise<{ readonly results: R[]; readonly failed: Map<string, FatalError> }> {
  const failed = new Map<string, FatalError>();
  try {
    return { results: items.length === 0 ? [] : [await work(items)], failed };
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
  }
  const limit = createLimit(AT_ONCE, { clock, slowMs: SLOW_MS });
  const results: R[] = [];
  await Promise.all([...Map.groupBy(items, topicOf)].map(([topic, own]) =>
    limit(async () => {
      try {
        results.push(await work(own));
      } catch (error) {
        if (!(error instanceof FatalError)) throw error;
        failed.set(topic, error);
      }
    })
  ));
  return { results, failed };
}
