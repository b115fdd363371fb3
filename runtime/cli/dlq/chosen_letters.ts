/**
 * The flags that choose letters, read.
 *
 * @module
 */
import { ConfigError, type ConfigProblem, option } from "../../api/mod.ts";
import { systemClock } from "../../clock.ts";
import { didYouMean } from "../../config/nearest.ts";
import { parseValue } from "../../config/parse_value.ts";
import { type ChoiceCounts, type Choosing, type ChosenLetter, chosenLetters } from "../../dlq/choose.ts";
import type { LetterFilter } from "../../dlq/filter.ts";
import { groupId, isGroupId, resolveGroupId } from "../../dlq/group.ts";
import type { LetterState } from "../../dlq/letter.ts";
import type { OffsetChoice, QueueChoice } from "../../dlq/queue.ts";
import { parseIsoMicros } from "../../timestamp_text.ts";
import type { OpenQueue, QueueFlags } from "./open_queue.ts";

/** The flags that choose letters. */
export interface LetterFlags extends QueueFlags {
  readonly group?: string;
  readonly stage?: string;
  readonly reason?: string;
  readonly schemaId?: string;
  readonly field?: string;
  readonly since?: string;
  readonly until?: string;
  readonly offsets?: readonly string[];
  readonly state?: string;
  readonly where?: string;
}

/** What they say. */
export interface LetterChoice {
  readonly filter: LetterFilter;
  readonly choice: QueueChoice;
  readonly where: string | null;
}

/** All letters. */
export const EVERY_LETTER: LetterChoice = { filter: {}, choice: {}, where: null };

const STATES: readonly (LetterState | "all")[] = ["open", "replayed", "resolved", "quarantined", "all"];

/** Reads the flags; a group is still as it was given. Throws ConfigError with all that is wrong. */
export async function parseLetterFlags(flags: LetterFlags, state: LetterState | "all" = "open"): Promise<LetterChoice> {
  const problems: ConfigProblem[] = [];
  const filter: LetterFilter = {
    group: flags.group,
    stage: flags.stage,
    reason: flags.reason,
    schemaId: numberOf(flags.schemaId, problems),
    fieldPath: flags.field,
    state: stateOf(flags.state ?? state, problems),
  };
  const offsets = flags.offsets?.map((text) => parseOffsets(text, problems));
  const choice: QueueChoice = {
    ...(offsets && offsets.length > 0 ? { offsets } : {}),
    ...(flags.since === undefined ? {} : { sinceMs: timeOf("--since", flags.since, problems) }),
    ...(flags.until === undefined ? {} : { untilMs: timeOf("--until", flags.until, problems) }),
  };
  if (flags.where !== undefined) {
    const { letterConditionProblem } = await import("../../cel_letters.ts");
    const why = letterConditionProblem(flags.where);
    if (why !== null) problems.push({ key: "--where", value: flags.where, why });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { filter, choice, where: flags.where ?? null };
}

/** Yields the letters that are chosen. A group that is given by a few of its digits is looked up first. */
export async function* readChosen(
  queue: OpenQueue,
  { filter, choice, where }: LetterChoice,
  counts: ChoiceCounts,
): AsyncGenerator<ChosenLetter> {
  const ledger = await queue.ledger();
  const given = filter.group;
  const group = given === undefined || isGroupId(given) ? given : await findGroup(queue, given);
  let meant: Choosing["where"];
  if (where !== null) {
    const { createLetterCondition } = await import("../../cel_letters.ts");
    const { test, decodes } = createLetterCondition(where);
    meant = { test, ...(decodes ? { decode: (letters) => queue.look(letters) } : {}) };
  }
  const choosing = {
    filter: { ...filter, group },
    connector: queue.connector,
    stateOf: ledger.stateOf.bind(ledger),
    attemptsOf: ledger.attemptsOf.bind(ledger),
    where: meant,
  };
  let found = 0;
  for await (const chosen of chosenLetters(queue.read(choice), choosing, counts)) {
    found++;
    yield chosen;
  }
  if (found === 0 && group !== undefined) await findGroup(queue, group); // says so where there is none
}

/** What was left out of a choice, for people. */
export function leftOut({ topic }: OpenQueue, { others, unevaluated }: ChoiceCounts): string[] {
  return [
    ...(others === 0 ? [] : [`${others} letters of other connectors are left out: --topic ${topic} takes all.`]),
    ...(unevaluated === 0 ? [] : [
      `On ${unevaluated} letters --where could not be evaluated (e.g. they lack the field): left out.`,
    ]),
  ];
}

/** The full id of a group of the queue. Throws FatalError where there is none, or several begin so. */
export async function findGroup(queue: OpenQueue, prefix: string): Promise<string> {
  const ids = new Set<string>();
  for await (const letter of queue.read()) ids.add(groupId(letter));
  return resolveGroupId(prefix, ids);
}

/** `P`, `P:OFFSET`, `P:FROM-TO` (both included) or `P:FROM-`. */
function parseOffsets(text: string, problems: ConfigProblem[]): OffsetChoice {
  const [, partition, from, dash, to] = /^(\d{1,9})(?::(\d{1,18})(?:(-)(\d{1,18})?)?)?$/.exec(text) ?? [];
  if (partition === undefined || (to !== undefined && BigInt(to) < BigInt(from))) {
    const why = "must be PARTITION:FROM-TO, both included, e.g. 0:120-140, or 0:120, 0:120-, 0";
    problems.push({ key: "--offsets", value: text, why });
    return { partition: 0 };
  }
  if (from === undefined) return { partition: Number(partition) };
  const last = to ?? (dash ? null : from);
  return {
    partition: Number(partition),
    from: BigInt(from),
    ...(last === null ? {} : { to: BigInt(last) + 1n }),
  };
}

function numberOf(text: string | undefined, problems: ConfigProblem[]): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,10}$/.test(text)) problems.push({ key: "--schema-id", value: text, why: "must be a registry's id" });
  return Number(text);
}

function stateOf(text: string, problems: ConfigProblem[]): LetterState | "all" {
  const state = STATES.find((each) => each === text);
  if (!state) {
    problems.push({
      key: "--state",
      value: text,
      why: `must be one of ${STATES.join(", ")}${didYouMean(text, STATES)}`,
    });
  }
  return state ?? "all";
}

/** An instant, or how long ago. */
function timeOf(key: string, text: string, problems: ConfigProblem[]): number {
  const micros = parseIsoMicros(text);
  if (micros !== null) return Number(micros / 1000n);
  const ago = parseValue(option.durationMs({ doc: "", min: 0 }), text);
  if (!("why" in ago)) return systemClock.now() - (ago.value as number);
  problems.push({ key, value: text, why: "must be an instant, e.g. 2026-01-31T12:00:00Z, or how long ago, e.g. 2h" });
  return 0;
}
