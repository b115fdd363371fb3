/**
 * TopicNameMatches: holds for the topics whose whole name matches `pattern`, as with Kafka Connect.
 *
 * @module
 */
import { option } from "../api/mod.ts";
import type { PredicatePlugin } from "./predicate.ts";

const OPTIONS = {
  "pattern": option.string({
    doc: "A regular expression for the whole name of the topic.",
    importance: "high",
    check: (text) => compiled(text) ? null : "is no regular expression",
  }),
};

/** The predicate of that name. */
export const topicNameMatches: PredicatePlugin<typeof OPTIONS> = {
  name: "TopicNameMatches",
  options: OPTIONS,
  create(config) {
    const pattern = compiled(config.pattern)!;
    return { holds: (batch) => pattern.test(batch.topic) };
  },
};

function compiled(text: string): RegExp | null {
  try {
    return new RegExp(`^(?:${text})$`, "u");
  } catch {
    return null;
  }
}
