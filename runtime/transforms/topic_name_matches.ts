/**
 * TopicNameMatches: holds for the topics whose whole name matches `pattern`, as with Kafka Connect: the name as routers
 * before it left it.
 *
 * @module
 */
import { option, type PredicatePlugin } from "../api/mod.ts";
import { compileJavaPattern } from "./java_pattern.ts";

const OPTIONS = {
  "pattern": option.string({
    doc: "A regular expression for the whole name of the topic.",
    importance: "high",
    check: (text) => compileJavaPattern(text) ? null : "is no regular expression",
  }),
};

/** The predicate of that name. */
export const topicNameMatches: PredicatePlugin<typeof OPTIONS> = {
  name: "TopicNameMatches",
  options: OPTIONS,
  ofTopic(config) {
    const pattern = compileJavaPattern(config.pattern)!;
    return (topic) => pattern.matches(topic);
  },
  create(config) {
    const pattern = compileJavaPattern(config.pattern)!;
    return {
      holds(batch) {
        const topics = batch.changes?.topics ?? batch.topic;
        if (typeof topics === "string") return pattern.matches(topics);
        return Uint8Array.from(topics, (topic) => pattern.matches(topic) ? 1 : 0);
      },
    };
  },
};
