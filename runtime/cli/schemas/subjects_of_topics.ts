/**
 * Which subjects the values of a connector's topics are registered under.
 *
 * @module
 */
import type { Instance } from "../../config/resolve_instance.ts";

/** A topic and its subjects. */
export interface TopicSubjects {
  readonly topic: string;
  readonly subjects: readonly string[];
  /** Why they are not known; null: they are. */
  readonly note: string | null;
}

/** By the strategy that producers name subjects by (`value.subject.name.strategy`); `names` are those of the registry. */
export function topicSubjects(instance: Instance, names: readonly string[]): TopicSubjects[] {
  return topicsOf(instance, names).map((topic): TopicSubjects => {
    const strategy = String(instance.forTopic(topic).valueConverter.config["value.subject.name.strategy"] ?? "");
    if (strategy.endsWith("TopicRecordNameStrategy")) {
      const own = names.filter((name) =>
        plain(name).startsWith(`${topic}-`) && ![`${topic}-value`, `${topic}-key`].includes(plain(name))
      );
      const note = own.length === 0 ? `the registry has no subject ${topic}-<record>` : null;
      return { topic, subjects: own, note };
    }
    if (strategy.endsWith("RecordNameStrategy")) {
      const note = "its subjects are named by records alone: name one by --subject";
      return { topic, subjects: [], note };
    }
    const own = names.filter((name) => plain(name) === `${topic}-value`);
    return { topic, subjects: own.length > 0 ? own : [`${topic}-value`], note: null };
  });
}

/** Those that are named; of a pattern, those that have a subject. */
function topicsOf({ topics }: Instance, names: readonly string[]): readonly string[] {
  if (!(topics instanceof RegExp)) return topics;
  const found = names.flatMap((name) => /^(.+)-value$/.exec(plain(name))?.[1] ?? []);
  return [...new Set(found)].filter((topic) => topics.test(topic)).sort();
}

/** A context is no part of the name. */
function plain(name: string): string {
  return name.replace(/^:[^:]*:/, "");
}
