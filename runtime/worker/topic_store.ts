/**
 * A `KeyValueStore` in a compacted topic. It is one worker's: the last one that has loaded it. Whoever had it before is told
 * so with its next change.
 *
 * @module
 */
import { FatalError } from "../api/errors.ts";
import { CompactedTopic, type CompactedTopicOptions } from "../kafka/compacted_topic.ts";
import { createRetry } from "../retry.ts";
import type { KeyValueStore } from "./config_storage.ts";

/** What it is made of. */
export interface TopicStoreOptions extends CompactedTopicOptions {
  /** Names this worker, and no other. */
  readonly uuid: () => string;
}

/** Brokers may be on their way up as we are. */
const LOAD_TIMEOUT_MS = 60_000;
/** The key that tells whose the topic is. */
const OWNER = "worker";

/** Creates the topic with its first `load` where it is missing. */
export function topicStore(options: TopicStoreOptions): KeyValueStore {
  const topic = new CompactedTopic(options);
  const { clock, log, random } = options;
  const retry = createRetry({ clock, log, random, delayMsMax: 2000, timeoutMs: LOAD_TIMEOUT_MS });
  const owner = JSON.stringify({ id: options.uuid() });
  const read = async () => texts(await topic.refresh());
  /** What was loaded, and put since. */
  let known = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  const mustBeOurs = (found: ReadonlyMap<string, string>) => {
    if (found.get(OWNER) === owner) return;
    throw new FatalError(
      `Cannot write config.storage kafka:${options.topic}: another worker has begun to use it since. Ask that one, or ` +
        "start this one again to take it over",
    );
  };

  const put = async (entries: readonly (readonly [string, string | null])[]) => {
    const found = await read();
    mustBeOurs(found);
    const next = new Map(known);
    for (const [key, value] of entries) value === null ? next.delete(key) : next.set(key, value);
    // What came of a change whose answer was lost, or of another worker's last one: it was refused, so it must not stay.
    const astray = [...new Set([...found.keys(), ...known.keys()])].filter((key) =>
      key !== OWNER && found.get(key) !== known.get(key)
    );
    if (astray.length > 0) {
      log.warn("config.storage holds what was not accepted: it is set back", { keys: astray.join() });
    }
    const back = astray.map((key) => [key, known.get(key) ?? null] as const);
    await topic.putAll(
      [...back, ...entries].map(([key, value]) => [key, value === null ? null : ENCODER.encode(value)]),
    );
    mustBeOurs(await read());
    known = next;
  };

  return {
    async load() {
      known = await retry("read config.storage", async () => {
        await topic.load();
        await topic.put(OWNER, ENCODER.encode(owner));
        return await read(); // after it: nothing that another worker has put since is its to put
      });
      known.delete(OWNER);
      return known;
    },
    put(entries) {
      const done = last.then(() => put(entries));
      last = done.catch(() => {}); // told to who asked for it
      return done;
    },
    async close() {
      await last;
      await topic.close();
    },
  };
}

const ENCODER = new TextEncoder();

function texts(entries: ReadonlyMap<string, Uint8Array>): Map<string, string> {
  const decoder = new TextDecoder();
  return new Map([...entries].map(([key, value]) => [key, decoder.decode(value)]));
}
