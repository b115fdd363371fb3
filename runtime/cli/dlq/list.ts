/**
 * `dlq list`: the newest letters.
 *
 * @module
 */
import { ConfigError } from "../../api/mod.ts";
import { ChoiceCounts, type ChosenLetter } from "../../dlq/choose.ts";
import { type LetterSizes, letterSummary, sizesOf } from "../../dlq/export.ts";
import { groupId } from "../../dlq/group.ts";
import { letterTimeMs } from "../../dlq/letter.ts";
import type { CliContext } from "../command_line.ts";
import { leftOut, type LetterFlags, parseLetterFlags, readChosen } from "./chosen_letters.ts";
import { withQueue } from "./open_queue.ts";
import { oneLine, originText, placeText, print, printJson, table, timeText } from "./text.ts";

/** Returns the exit code. */
export async function list(
  flags: LetterFlags & { readonly limit: string; readonly json: boolean },
  context: CliContext,
): Promise<number> {
  const limit = Number(flags.limit);
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new ConfigError([{ key: "--limit", value: flags.limit, why: "must be a number from 1 on" }]);
  }
  const choice = await parseLetterFlags(flags);
  return await withQueue(flags, context, async (queue) => {
    const counts = new ChoiceCounts();
    const newest = new Newest(limit);
    for await (const chosen of readChosen(queue, choice, counts)) newest.add(chosen);
    const letters = newest.all();
    const warning = await queue.retentionWarning();
    if (flags.json) {
      const matched = newest.seen;
      const { others, unevaluated } = counts;
      const found = letters.map((each) => letterSummary(each, each.sizes));
      printJson(JSON.stringify({ topic: queue.topic, matched, others, unevaluated, letters: found, warning }));
      return 0;
    }
    if (letters.length === 0) print(nothing(queue.topic, counts.read, choice.filter.state));
    else {
      const rows = letters.map(({ letter, state }) => [
        ...[placeText(letter.at), originText(letter), timeText(letterTimeMs(letter)), state, groupId(letter)],
        ...[
          oneLine(letter.stage || "?", 30),
          oneLine(letter.fieldPath ?? "", 30),
          letter.attempts,
          oneLine(letter.message, 80),
        ],
      ]);
      const headings = ["LETTER", "RECORD", "TIME", "STATE", "GROUP", "STAGE", "FIELD", "TIMES", "MESSAGE"];
      print(table(headings, rows));
      print(`\n${letters.length} of ${newest.seen} letters that match, the newest first.`);
      print(`One of them whole: deno task dlq show ${placeText(letters[0].letter.at)} ${queue.flagsText}`);
    }
    for (const line of [...leftOut(queue, counts), ...(warning ? [warning] : [])]) print(line);
    return 0;
  });
}

function nothing(topic: string, read: number, state = "open"): string {
  if (read === 0) return `There are no letters in "${topic}".`;
  const hint = state === "all" ? "" : `; only ${state} ones were looked for, --state all shows the others`;
  return `No letter of the ${read} that were read in "${topic}" matches${hint}.`;
}

/** A letter of a list, without its bytes: a list may be long, and a letter large. */
export interface ListedLetter extends ChosenLetter {
  readonly sizes: LetterSizes;
}

/** The letters with the latest times; of equal ones those that come last in the queue. */
export class Newest {
  #kept: ListedLetter[] = [];
  seen = 0;

  constructor(private readonly limit: number) {}

  add({ letter, state }: ChosenLetter): void {
    this.seen++;
    const shown = { ...letter, key: null, value: null, headers: [], trace: "" };
    this.#kept.push({ letter: shown, state, sizes: sizesOf(letter) });
    if (this.#kept.length >= 2 * this.limit + 100) this.#cut();
  }

  all(): readonly ListedLetter[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept.sort(({ letter: a }, { letter: b }) =>
      letterTimeMs(b) - letterTimeMs(a) || a.at.partition - b.at.partition ||
      (a.at.offset > b.at.offset ? -1 : a.at.offset < b.at.offset ? 1 : 0)
    );
    this.#kept = this.#kept.slice(0, this.limit);
  }
}
