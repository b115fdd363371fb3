/**
 * RegexRouter: another name for topics whose whole name matches `regex`, as with Kafka Connect. It is what `${topic}` in a
 * target stands for. Offsets, and options below `per.topic`, stay under the name of the topic that is read.
 *
 * @module
 */
import { FatalError, option, type TransformPlugin, type Values } from "../api/mod.ts";
import { compileJavaPattern, compileReplacement } from "./java_pattern.ts";

const OPTIONS = {
  "regex": option.string({
    doc: "A regular expression for the whole name of the topic.",
    importance: "high",
    check: (text) => compileJavaPattern(text) ? null : "is no regular expression",
  }),
  "replacement": option.string({
    doc: "What its first match becomes; `$1` or `${name}` stand for groups of `regex`, `\\$` for the sign.",
    importance: "high",
  }),
};

/** The transform of that name. */
export const regexRouter: TransformPlugin<typeof OPTIONS> = {
  name: "RegexRouter",
  options: OPTIONS,
  check(config) {
    const router = compile(config);
    return typeof router === "string" ? router : null;
  },
  routing: (config) => routerOf(config),
  create(config) {
    const route = routerOf(config);
    return {
      apply(batch) {
        const topics = batch.changes?.topics ?? batch.topic;
        return batch.withRoutedTopics(typeof topics === "string" ? route(topics) : topics.map(route));
      },
    };
  },
};

function routerOf(config: Values<typeof OPTIONS>): (topic: string) => string {
  const router = compile(config);
  if (typeof router === "string") throw new FatalError(`Cannot make a RegexRouter: ${router}`);
  return router;
}

function compile({ regex, replacement }: Values<typeof OPTIONS>): ((topic: string) => string) | string {
  const pattern = compileJavaPattern(regex);
  if (!pattern) return "regex is no regular expression";
  const replace = compileReplacement(replacement, pattern);
  if (typeof replace === "string") return `replacement ${replace}`;
  return (topic) => {
    const match = pattern.matches(topic) ? pattern.find(topic) : null;
    return match ? topic.slice(0, match.index) + replace(match) + topic.slice(match.index + match[0].length) : topic;
  };
}
