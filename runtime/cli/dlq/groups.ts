/**
 * `dlq groups`: letters by what is wrong with them, and which of them the pipeline would take now.
 *
 * @module
 */
import { FatalError } from "../../api/mod.ts";
import { batchesOf } from "../../dlq/batches.ts";
import { ChoiceCounts } from "../../dlq/choose.ts";
import { groupId, Groups, type GroupSample, type LetterGroup } from "../../dlq/group.ts";
import type { Letter } from "../../dlq/letter.ts";
import type { LetterPipeline } from "../../dlq/pipeline.ts";
import type { CliContext } from "../command_line.ts";
import { leftOut, type LetterChoice, type LetterFlags, parseLetterFlags, readChosen } from "./chosen_letters.ts";
import { type OpenQueue, withQueue } from "./open_queue.ts";
import { oneLine, originText, placeText, print, printJson, sizeText, table, timeText } from "./text.ts";

/** What became of open letters of a group that were tried. */
interface Tried {
  tried: number;
  passing: number;
  /** Letters whose topic is not known. */
  unknown: number;
}

const BATCH = { letters: 500, bytes: 16 * 1024 * 1024 };
const MESSAGE_MAX = 160;

/** Returns the exit code. */
export async function groups(
  flags: LetterFlags & { readonly check: boolean; readonly try: boolean; readonly json: boolean },
  context: CliContext,
): Promise<number> {
  const choice = await parseLetterFlags(flags, "all");
  return await withQueue(flags, context, async (queue) => {
    const counts = new ChoiceCounts();
    const found = new Groups();
    for await (const { letter, state } of readChosen(queue, choice, counts)) found.add(letter, state);
    const all = found.all();
    const { tried, note } = flags.try ? await tryLetters(queue, all, flags.check ? choice : null) : NOT_TRIED;
    const warning = await queue.retentionWarning();
    if (flags.json) {
      const { read, copies, others, unevaluated } = counts;
      const asksSink = flags.try ? (await pipelineOf(queue))?.asksSink ?? false : false;
      printJson(JSON.stringify({
        ...{ topic: queue.topic, letters: read - copies, copies, others, unevaluated, asksSink, note, warning },
        groups: all.map((group) => groupJson(group, tried.get(group.id))),
      }));
    } else print([groupsText(queue, all, { tried, note, counts, all: flags.check }), warning ?? []].flat().join("\n"));
    return 0;
  });
}

const NOT_TRIED = { tried: new Map<string, Tried>(), note: null };

/** Tries samples of each group with open letters, or with a choice all open letters of it. */
async function tryLetters(
  queue: OpenQueue,
  groups: readonly LetterGroup[],
  choice: LetterChoice | null,
): Promise<{ tried: ReadonlyMap<string, Tried>; note: string | null }> {
  const tried = new Map<string, Tried>();
  if (queue.instance === null) {
    const note = "Without a configuration it is not known what would pass now: name one by --connector and --config.";
    return { tried, note };
  }
  try {
    const pipeline = (await pipelineOf(queue))!;
    if (choice === null) { for (const { letters } of groups) await tryBatch(pipeline, letters, tried); }
    else {
      const open = { ...choice, filter: { ...choice.filter, state: "open" as const } };
      const letters = readChosen(queue, open, new ChoiceCounts());
      for await (const batch of batchesOf(letters, BATCH, ({ letter }) => letter)) {
        await tryBatch(pipeline, batch.map(({ letter }) => letter), tried);
      }
    }
    const note = pipeline.asksSink
      ? null
      : `"${queue.instance.plugin.name}" has no preview: whether the sink itself would take letters is not known.`;
    return { tried, note };
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    return { tried: new Map(), note: `What would pass now cannot be tried: ${error.message}` };
  }
}

function pipelineOf(queue: OpenQueue): Promise<LetterPipeline | null> {
  return queue.pipeline(true);
}

async function tryBatch(pipeline: LetterPipeline, letters: readonly Letter[], tried: Map<string, Tried>) {
  for (const [letter, { kind }] of await pipeline.try(letters)) {
    const id = groupId(letter);
    const sum = tried.get(id) ?? { tried: 0, passing: 0, unknown: 0 };
    tried.set(id, sum);
    sum.tried++;
    if (kind === "passes" || kind === "dropped") sum.passing++;
    if (kind === "unknown") sum.unknown++;
  }
}

function groupJson(group: LetterGroup, tried: Tried | undefined) {
  const sighting = ({ timeMs, at, origin }: LetterGroup["first"]) => (
    { timeMs, letter: placeText(at), record: origin && placeText(origin) }
  );
  const { id, stage, reason, schemaId, fieldPath, counts, bytes, topics, samples } = group;
  return {
    ...{ id, stage, reason, schemaId, fieldPath, counts, bytes },
    first: sighting(group.first),
    last: sighting(group.last),
    topics: Object.fromEntries(topics),
    samples: samples.map((sample) => ({ ...sighting(sample), message: sample.message })),
    /** Null: nothing was tried. */
    wouldPass: tried ?? null,
  };
}

function groupsText(
  queue: OpenQueue,
  groups: readonly LetterGroup[],
  { tried, note, counts, all }: {
    tried: ReadonlyMap<string, Tried>;
    note: string | null;
    counts: ChoiceCounts;
    all: boolean;
  },
): string {
  if (groups.length === 0) {
    const none = `There are no letters in "${queue.topic}"${counts.read > 0 ? " that match" : ""}.`;
    return [none, ...leftOut(queue, counts)].join("\n");
  }
  const headings = ["GROUP", "OPEN", "REPLAYED", "RESOLVED", "QUARANTINED", "STAGE", "REASON", "SCHEMA", "FIELD"];
  const lines = [table(
    headings,
    groups.map(({ id, counts: { open, replayed, resolved, quarantined }, stage, reason, schemaId, fieldPath }) => [
      ...[id, open, replayed, resolved, quarantined, oneLine(stage || "?", 30), oneLine(reason || "unknown", 60)],
      ...[schemaId === null ? "" : String(schemaId), oneLine(fieldPath ?? "", 40)],
    ]),
  )];
  for (const group of groups) lines.push("", ...detailsOf(group, tried.get(group.id), all, queue));
  const { read, copies } = counts;
  const repeated = copies > 0 ? `; ${copies} more are copies of letters, written after a crash, and count once` : "";
  lines.push("", `${read - copies} letters in "${queue.topic}"${repeated}.`, ...leftOut(queue, counts));
  if (note) lines.push(note);
  const most = groups[0];
  // Columns say something of what has come as far as the table.
  const topic = most.stage === "TASK_PUT" ? "diff" : "list";
  lines.push(`Look further: deno task dlq ${topic} --group ${most.id} ${queue.flagsText}`.trimEnd());
  return lines.join("\n");
}

function detailsOf(group: LetterGroup, tried: Tried | undefined, all: boolean, queue: OpenQueue): string[] {
  const { id, topics, first, last, bytes, samples } = group;
  const from = [...topics].map(([topic, count]) => `${topic || "an unknown topic"} ${count}`).join(", ");
  const lines = [
    `${id}  from ${from}; ${sizeText(bytes)}`,
    `  first ${timeText(first.timeMs)} ${placeText(first.at)}, last ${timeText(last.timeMs)} ${placeText(last.at)}`,
    ...samples.map((sample) => `  ${sampleText(sample)}`),
  ];
  if (!tried) return lines;
  const { tried: count, passing, unknown } = tried;
  if (unknown > 0) {
    lines.push(`  of ${unknown} letters it is not known which topic they are of, so they were not tried`);
  }
  lines.push(`  would pass now: ${passing} of ${count} ${all ? "open letters" : "sampled"}`);
  if (passing > 0) lines.push(`  bring them back: deno task dlq replay --group ${id} --dry-run ${queue.flagsText}`);
  return lines;
}

function sampleText(sample: GroupSample): string {
  return `${placeText(sample.at)} (${originText(sample)}): ${oneLine(sample.message || "no message", MESSAGE_MAX)}`;
}
