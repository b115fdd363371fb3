/**
 * A `KeyValueStore` in a compacted topic.
 *
 * @module
 */
import { CompactedTopic, type CompactedTopicOptions } from "../kafka/compacted_topic.ts";
import { createRetry } from "../retry.ts";
import type { KeyValueStore } from "./config_storage.ts";

/** Brokers may be on their way up as we are. */
const LOAD_TIMEOUT_MS = 60_000;

/** Creates the topic with its first `load` where it is missing. */
export function topicStore(options: CompactedTopicOptions): KeyValueStore {
  const topic = new CompactedTopic(options);
  const { clock, log, random } = options;
  const retry = createRetry({ clock, log, random, delayMsMax: 2000, timeoutMs: LOAD_TIMEOUT_MS });
  return {
    async load() {
      const decoder = new TextDecoder();
      return new Map(
        [...await retry("read config.storage", () => topic.load())].map(([key, value]) => [key, decoder.decode(value)]),
      );
    },
    async put(entries) {
      const encoder = new TextEncoder();
      await topic.putAll(entries.map(([key, value]) => [key, value === null ? null : encoder.encode(value)]));
    },
    close: () => topic.close(),
  };
}
