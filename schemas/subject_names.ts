/**
 * Which of the subjects that hold a schema is the one that its producer registered it under: by the subject name
 * strategies of Confluent's serializers. Nothing is read by it; it is what messages, dead letters and suggested commands
 * say.
 *
 * @module
 */
import { type Option, option, type RecordSide } from "../mod.ts";
import type { SubjectVersion } from "./registry.ts";

const STRATEGIES = ["TopicNameStrategy", "RecordNameStrategy", "TopicRecordNameStrategy"] as const;
const CLASSES = [
  "io.confluent.kafka.serializers.subject.TopicNameStrategy",
  "io.confluent.kafka.serializers.subject.RecordNameStrategy",
  "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy",
] as const;

/** How producers name subjects, with or without the class's package. */
export type SubjectNameStrategy = typeof STRATEGIES[number] | typeof CLASSES[number];

const strategy = (side: RecordSide): Option<SubjectNameStrategy> =>
  option.oneOf<SubjectNameStrategy>([...STRATEGIES, ...CLASSES], {
    doc:
      `How producers name the subjects of ${side}s: \`<topic>-${side}\`, the record's name, or \`<topic>-<record>\`. ` +
      "Where a schema is registered under several subjects, messages and dead letters name this one.",
    default: "TopicNameStrategy",
    importance: "low",
    group: "schema registry",
  });

/** The options of formats whose schemas are registered. */
export const subjectOptions: {
  readonly "key.subject.name.strategy": Option<SubjectNameStrategy>;
  readonly "value.subject.name.strategy": Option<SubjectNameStrategy>;
} = {
  "key.subject.name.strategy": strategy("key"),
  "value.subject.name.strategy": strategy("value"),
};

/** The subject that the strategy names; the only one where there is but one; else null. A context is no part of the name. */
export function subjectOf(
  subjects: readonly SubjectVersion[],
  { strategy, topic, side }: { strategy: SubjectNameStrategy; topic: string; side: RecordSide },
): SubjectVersion | null {
  const ofTopic = (name: string) => name === `${topic}-${side}`;
  const ofRecord = (name: string) => !ofTopic(name) && name.startsWith(`${topic}-`);
  const fits = (name: string): boolean => {
    if (strategy.endsWith("TopicRecordNameStrategy")) return ofRecord(name);
    if (strategy.endsWith("RecordNameStrategy")) return !ofTopic(name) && !ofRecord(name);
    return ofTopic(name);
  };
  const named = subjects.filter(({ subject }) => fits(subject.replace(/^:[^:]*:/, "")));
  const candidates = named.length > 0 ? named : subjects;
  if (new Set(candidates.map(({ subject }) => subject)).size !== 1) return null;
  return candidates.reduce((newest, each) => each.version > newest.version ? each : newest);
}
