/**
 * What options of an instance say together.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import { type InstanceValues, topicsPattern } from "./instance_options.ts";
import { didYouMean } from "./nearest.ts";
import type { RawKeys } from "./raw.ts";

const DEAD_LETTERS = "errors.deadletterqueue.topic.name";

/** Adds the problems of options that contradict each other, or that have no effect together. */
export function checkInstance(
  values: InstanceValues,
  given: RawKeys,
  perTopic: readonly string[],
  path: string,
  problems: ConfigProblem[],
): void {
  const refuse = (key: string, why: string, value?: string) => problems.push({ key: path + key, value, why });
  checkTopics(values, given, perTopic, refuse);
  const tolerant = values["errors.tolerance"] === "all";
  const letters = values[DEAD_LETTERS];
  const skips = values["errors.skip.acknowledged"];
  if (letters !== null && !tolerant) {
    refuse(DEAD_LETTERS, "has no effect without errors.tolerance = all: the first such record stops the task", letters);
  }
  if (letters === null && tolerant && !skips) {
    refuse(
      "errors.tolerance",
      `records that cannot be used would be lost: set ${DEAD_LETTERS}, or errors.skip.acknowledged = true to lose them`,
      "all",
    );
  }
  if (skips && (letters !== null || !tolerant)) {
    const because = letters !== null ? `${DEAD_LETTERS} is set` : "errors.tolerance is none";
    refuse("errors.skip.acknowledged", `has no effect: ${because}`, "true");
  }
  const needs = (needed: boolean, prefix: string, without: string) => {
    if (needed) return;
    for (const key of given.keys()) {
      if (key.startsWith(prefix) && key !== DEAD_LETTERS) refuse(key, `has no effect without ${without}`);
    }
  };
  needs(letters !== null, "errors.deadletterqueue.", DEAD_LETTERS);
  needs(tolerant, "errors.budget.", "errors.tolerance = all");
  needs(letters !== null, "producer.override.", DEAD_LETTERS);
  needs(values["errors.log.enable"], "errors.log.include.messages", "errors.log.enable = true");
}

type Refuse = (key: string, why: string, value?: string) => void;

function checkTopics(values: InstanceValues, given: RawKeys, perTopic: readonly string[], refuse: Refuse): void {
  const { topics, "topics.regex": regex, [DEAD_LETTERS]: letters } = values;
  if (topics.length > 0 && regex !== null) {
    refuse("topics.regex", "excludes topics: keep one of the two", regex);
    return;
  }
  if (topics.length === 0 && regex === null) {
    // A bad value has been reported for itself.
    if (!given.has("topics.regex")) refuse("topics", "is missing; name the topics to read, or set topics.regex");
    return;
  }
  const pattern = regex === null ? null : topicsPattern(regex);
  const reads = (topic: string) => pattern ? pattern.test(topic) : topics.includes(topic);
  if (letters !== null && reads(letters)) {
    refuse(DEAD_LETTERS, `is among the topics that are read: every dead letter would come back`, letters);
  }
  for (const topic of perTopic) {
    if (reads(topic)) continue;
    const which = pattern ? `does not match topics.regex` : `is not in topics${didYouMean(topic, topics)}`;
    refuse(`per.topic.${topic}`, `has no effect: the topic ${which}`);
  }
}
