/**
 * `dlq diff`: the columns of letters against those of their table.
 *
 * @module
 */
import type { Field, Schema } from "apache-arrow";
import { ConfigError, FatalError, SCHEMA_SUBJECT } from "../../api/mod.ts";
import { ChoiceCounts } from "../../dlq/choose.ts";
import { groupId, Groups } from "../../dlq/group.ts";
import type { Letter } from "../../dlq/letter.ts";
import { topicOf } from "../../dlq/topic_of.ts";
import type { CliContext } from "../command_line.ts";
import { type SchemaDiff, schemaDiff } from "../plan/schema_diff.ts";
import { EVERY_LETTER, findGroup, readChosen } from "./chosen_letters.ts";
import { framedSchemaId, type OpenQueue, type QueueFlags, withQueue } from "./open_queue.ts";
import { findLetter, parsePlace } from "./show.ts";
import { oneLine, print, printJson, shellWord } from "./text.ts";

/** One schema of letters, against the table of their topic. */
interface TopicDiff {
  readonly topic: string;
  readonly table: string | null;
  /** Where the letters' columns are from. */
  readonly schema: string;
  readonly schemaId: number | null;
  /** `<subject>@<version>`, where it is registered. */
  readonly subject: string | null;
  readonly letters: number;
  /** Null: there is nothing to compare, see `note`. */
  readonly diff: SchemaDiff | null;
  readonly note: string | null;
  /** What to do next. */
  readonly fix: string | null;
}

/** Returns the exit code. */
export async function diff(
  place: string | undefined,
  flags: QueueFlags & { readonly group?: string; readonly json: boolean },
  context: CliContext,
): Promise<number> {
  if (place !== undefined && flags.group !== undefined) {
    throw new ConfigError([{ key: "--group", value: flags.group, why: "and a place exclude each other; give one" }]);
  }
  return await withQueue(flags, context, async (queue) => {
    if (!queue.instance) {
      throw new FatalError(
        "Cannot compare letters with a table: without a configuration it is not known which; name one by --connector",
      );
    }
    const letters = await lettersOf(queue, place, flags.group);
    const diffs = await diffsOf(queue, letters, context);
    if (flags.json) printJson(JSON.stringify({ topic: queue.topic, diffs }));
    else if (diffs.length === 0) print(`There are no open letters in "${queue.topic}" to compare.`);
    else print(diffs.map(diffText).join("\n\n"));
    return 0;
  });
}

/** Those to compare: one, or samples of the open ones of a group or of all groups. */
async function lettersOf(
  queue: OpenQueue,
  place: string | undefined,
  group: string | undefined,
): Promise<readonly Letter[]> {
  if (place !== undefined) return [(await findLetter(queue, parsePlace(place))).letter];
  const id = group === undefined ? null : await findGroup(queue, group);
  const found = new Groups();
  const open = { ...EVERY_LETTER, filter: { state: "open" as const, ...(id === null ? {} : { group: id }) } };
  for await (const { letter, state } of readChosen(queue, open, new ChoiceCounts())) found.add(letter, state);
  const letters = found.all().flatMap((each) => each.letters);
  if (letters.length === 0 && id !== null) {
    throw new FatalError(`Cannot compare group ${id}: none of its letters is open`);
  }
  return letters;
}

async function diffsOf(queue: OpenQueue, letters: readonly Letter[], context: CliContext): Promise<TopicDiff[]> {
  const pipeline = (await queue.pipeline(true))!;
  const outcomes = await pipeline.try(letters);
  const { describeColumn } = await context.tables();
  const found = new Map<string, { topic: string; source: Source; letters: Letter[] }>();
  for (const letter of letters) {
    const topic = topicOf(letter, queue.instance!);
    const columns = outcomes.get(letter)?.columns ?? null;
    const source = await sourceOf(queue, letter, columns);
    const key = JSON.stringify([topic, source.name, source.fields?.map(String), source.columns ? "" : groupId(letter)]);
    const same = found.get(key) ?? { topic: topic ?? "", source, letters: [] };
    found.set(key, same);
    same.letters.push(letter);
  }
  const diffs: TopicDiff[] = [];
  for (const { topic, source, letters } of found.values()) {
    const before = topic === "" ? null : await pipeline.targetColumns(topic);
    const { name: schema, subject, schemaId, columns } = source;
    const target = { topic, table: tableOf(queue, topic), schema, subject, schemaId, letters: letters.length };
    const note = !columns
      ? `no columns can be made of them: ${oneLine(letters[0].message || letters[0].reason || "unknown reason", 400)}`
      : !before
      ? topic === "" ? "it is not known which topic they are of" : "the table does not exist yet, or has no columns"
      : null;
    if (note !== null) {
      diffs.push({ ...target, diff: null, note, fix: null });
      continue;
    }
    const evolution = String(queue.instance!.connectorConfig.forTopic(topic)["schema.evolution"] ?? "none");
    const compared = schemaDiff({ before, partitions: [] }, columns!.fields, { describe: describeColumn, evolution });
    diffs.push({ ...target, diff: compared, note: null, fix: fixOf(queue, target, compared, letters) });
  }
  return diffs;
}

/** Where the columns of a letter are from. */
interface Source {
  readonly name: string;
  readonly subject: string | null;
  readonly schemaId: number | null;
  readonly columns: Schema | null;
  readonly fields: readonly Field[] | null;
}

/** What the pipeline makes of it; where it makes nothing, the schema that it was written with. */
async function sourceOf(queue: OpenQueue, letter: Letter, columns: Schema | null): Promise<Source> {
  const schemaId = letter.schemaId ?? framedSchemaId(letter.value);
  const registered = schemaId === null ? null : await queue.schemaOfId(schemaId);
  const first = registered?.subjects[0];
  const named = columns?.metadata.get(SCHEMA_SUBJECT);
  // A registry may have forgotten where it was; the letter has not.
  const subject = named ?? (first ? `${first.subject}@${first.version}` : letter.subject);
  const own = registered ? schemaId : null;
  const made = columns ?? registered?.columns ?? null;
  const name = subject !== null
    ? `${subject}${own === null ? "" : ` (id ${own})`}`
    : columns
    ? "as the converters make them"
    : "unknown";
  return { name, subject, schemaId: own, columns: made, fields: made?.fields ?? null };
}

function fixOf(
  queue: OpenQueue,
  { topic, table, subject }: { topic: string; table: string | null; subject: string | null },
  { added, changed, allowed }: SchemaDiff,
  letters: readonly Letter[],
): string | null {
  const ids = [...new Set(letters.map(groupId))];
  const replay = `deno task dlq replay ${ids.length === 1 ? `--group ${ids[0]} ` : ""}${queue.flagsText}`;
  if (changed.length > 0 && letters.some(({ reason }) => reason === "type mismatch")) {
    const field = letters.find(({ fieldPath }) => fieldPath !== null)?.fieldPath ?? "FIELD";
    return `a column keeps its type: cast the values with "${replay} --cast ${shellWord(`${field}:TYPE`)} --dry-run"`;
  }
  if (added.length === 0 || allowed) return `nothing is in the way of the schemas: ${replay}`;
  const config = queue.configFlag;
  const version = subject === null ? null : /@\d+$/.test(subject) ? subject : `${subject}@latest`;
  return version === null
    ? `set schema.evolution: add for ${topic}, or add the columns to the table yourself; then ${replay}`
    : `deno task table schema apply ${shellWord(table ?? "URI")} --subject ${
      shellWord(version)
    }${config}; then ${replay}`;
}

function tableOf(queue: OpenQueue, topic: string): string | null {
  const uri = queue.instance!.connectorConfig.forTopic(topic)["table.uri"];
  return typeof uri === "string" ? uri.replaceAll("${topic}", topic) : null;
}

function diffText({ topic, table, schema, letters, diff, note, fix }: TopicDiff): string {
  const lines = [
    `${topic || "an unknown topic"} -> ${table ?? "its target"}`,
    `schema    ${oneLine(schema, 300)} (${letters} letters looked at)`,
  ];
  if (diff === null) return [...lines, `          ${note}`].join("\n");
  const { added, changed, missing, policy } = diff;
  const part = (sign: string, what: string, columns: readonly string[]) =>
    columns.length === 0 ? [] : [what, ...columns.map((column) => `  ${sign} ${column}`)];
  lines.push(
    ...part("+", `the letters have, the table lacks (schema.evolution: ${policy})`, added),
    ...part("~", "of another type", changed),
    ...part("-", "the table has, the letters lack: null", missing),
  );
  if (added.length + changed.length + missing.length === 0) lines.push("the columns are the same");
  if (fix) lines.push(`fix       ${fix}`);
  return lines.join("\n");
}
