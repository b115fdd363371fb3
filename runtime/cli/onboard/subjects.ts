/**
 * Which subject belongs to which topic.
 *
 * @module
 */
import { ConfigError, FatalError } from "../../api/mod.ts";
import { didYouMean, nearest } from "../../config/nearest.ts";
import type { Ask } from "./questions.ts";

/** A subject of values and its topic. */
export interface SubjectTopic {
  readonly subject: string;
  readonly topic: string;
  /** For `value.subject.name.strategy`; null: the default one, `<topic>-value`. */
  readonly strategy: "RecordNameStrategy" | "TopicRecordNameStrategy" | null;
}

/** One by the flags. Throws ConfigError that says what to name. */
export function subjectTopic({ subject, topic }: { subject?: string; topic?: string }): SubjectTopic {
  if (subject === undefined) {
    if (topic === undefined) {
      throw new ConfigError([{
        key: "--subject",
        why: "is missing: name a subject, a topic by --topic, or give --all",
      }]);
    }
    return { subject: `${topic}-value`, topic, strategy: null };
  }
  // A context is no part of the topic's name.
  const own = subject.replace(/^:[^:]*:/, "");
  if (topic === undefined) {
    if (own.length > "-value".length && own.endsWith("-value")) {
      return { subject, topic: own.slice(0, -"-value".length), strategy: null };
    }
    const why = own.endsWith("-key")
      ? "is a subject of keys; name that of the values"
      : "does not end in -value, so that its topic is not known: name that by --topic";
    throw new ConfigError([{ key: "--subject", value: subject, why }]);
  }
  if (own === `${topic}-value`) return { subject, topic, strategy: null };
  return { subject, topic, strategy: own.startsWith(`${topic}-`) ? "TopicRecordNameStrategy" : "RecordNameStrategy" };
}

/** All subjects `<topic>-value`, and those that are neither that nor of keys. */
export function valueSubjects(subjects: readonly string[]): { found: SubjectTopic[]; others: string[] } {
  const isValue = (subject: string) => /^(:[^:]*:)?.+-value$/.test(subject);
  return {
    found: subjects.filter(isValue).map((subject) => subjectTopic({ subject })),
    others: subjects.filter((subject) => !isValue(subject) && !subject.endsWith("-key")),
  };
}

/** Asks which of the subjects is meant, and for its topic where the name does not say it. */
export function askedSubject(known: readonly string[], ask: Ask): { subject: string; topic?: string } {
  const { found, others } = valueSubjects(known);
  if (found.length + others.length === 0) throw new FatalError("Cannot onboard: the registry has no subject of values");
  const names = [...found, ...others.map((subject) => ({ subject }))].map(({ subject }) => subject);
  console.log(`The registry has ${someOf(names)}`);
  const subject = ask(
    "Which subject?",
    names[0],
    (answer) =>
      names.includes(answer) ? null : `the registry has no such subject of values${didYouMean(answer, names)}`,
  );
  return others.includes(subject) ? { subject, topic: ask("Of which topic?", subject) } : { subject };
}

const HINTS_MAX = 20;

/** What somebody may have meant who named a subject that the registry does not know; "": nothing suggests itself. */
export function subjectHint({ subject, topic }: SubjectTopic, known: readonly string[]): string {
  const ofTopic = known.filter((name) =>
    name.replace(/^:[^:]*:/, "").startsWith(`${topic}-`) && !name.endsWith("-key")
  );
  if (ofTopic.length > 0) {
    return `; of topic ${topic} it knows ${someOf(ofTopic)}: name one by --subject, with --topic ${topic}`;
  }
  const near = nearest(subject, known);
  if (near !== null) return `; did you mean ${near}?`;
  return known.length === 0 ? "; it has no subject at all" : `; it has ${someOf(known)}`;
}

function someOf(names: readonly string[]): string {
  const more = names.length > HINTS_MAX ? ` and ${names.length - HINTS_MAX} more` : "";
  return `${names.slice(0, HINTS_MAX).join(", ")}${more}`;
}
