/**
 * `dlq stats`: a queue in numbers, for people and for scripts.
 *
 * @module
 */
import { ChoiceCounts } from "../../dlq/choose.ts";
import { sizeOf } from "../../dlq/group.ts";
import { type Letter, type LetterState, letterTimeMs } from "../../dlq/letter.ts";
import type { CliContext } from "../command_line.ts";
import { EVERY_LETTER, leftOut, readChosen } from "./chosen_letters.ts";
import { type OpenQueue, type QueueFlags, withQueue } from "./open_queue.ts";
import { oneLine, originText, placeText, print, printJson, sizeText, table, timeText } from "./text.ts";

const HOUR_MS = 3_600_000;
const HOURS_SHOWN = 24;
const BAR = 40;

type Counts = Record<LetterState, number>;
const noCounts = (): Counts => ({ open: 0, replayed: 0, resolved: 0, quarantined: 0 });

/** Sums over letters. */
export class LetterStats {
  readonly states = noCounts();
  /** By stage, then reason. */
  readonly reasons = new Map<string, { readonly stage: string; readonly reason: string; readonly counts: Counts }>();
  /** By the hour of their times, ms. */
  readonly hours = new Map<number, Counts>();
  oldestOpen: Letter | null = null;
  bytes = 0;

  add(letter: Letter, state: LetterState): void {
    const { stage, reason } = letter;
    const timeMs = letterTimeMs(letter);
    this.states[state]++;
    this.bytes += sizeOf(letter);
    const key = JSON.stringify([stage, reason]);
    const why = this.reasons.get(key) ?? { stage, reason, counts: noCounts() };
    this.reasons.set(key, why);
    why.counts[state]++;
    const hour = Math.floor(timeMs / HOUR_MS) * HOUR_MS;
    const counts = this.hours.get(hour) ?? noCounts();
    this.hours.set(hour, counts);
    counts[state]++;
    if (state === "open" && timeMs < (this.oldestOpen ? letterTimeMs(this.oldestOpen) : Infinity)) {
      this.oldestOpen = { ...letter, key: null, value: null, headers: [], trace: "" };
    }
  }
}

/** Returns the exit code. */
export async function stats(
  flags: QueueFlags & { readonly json: boolean },
  context: CliContext,
): Promise<number> {
  return await withQueue(flags, context, async (queue) => {
    const [counts, sums] = [new ChoiceCounts(), new LetterStats()];
    for await (const { letter, state } of readChosen(queue, EVERY_LETTER, counts)) sums.add(letter, state);
    const warning = await queue.retentionWarning();
    if (flags.json) printJson(JSON.stringify({ ...statsJson(queue, sums, counts), warning }));
    else print([statsText(queue, sums, counts), warning ?? []].flat().join("\n"));
    return 0;
  });
}

function statsJson(
  { topic }: OpenQueue,
  { states, reasons, hours, oldestOpen, bytes }: LetterStats,
  { read, copies, others }: ChoiceCounts,
) {
  return {
    ...{ topic, letters: read - copies, copies, others, bytes, states },
    reasons: sortedReasons(reasons),
    hours: [...hours].sort(([a], [b]) => a - b).map(([hour, counts]) => ({ hour: timeText(hour), ...counts })),
    oldestOpen: oldestOpen && {
      timestampMs: oldestOpen.timestampMs,
      setAsideMs: oldestOpen.setAsideMs,
      letter: placeText(oldestOpen.at),
      record: oldestOpen.origin && placeText(oldestOpen.origin),
    },
  };
}

function statsText(queue: OpenQueue, sums: LetterStats, counts: ChoiceCounts): string {
  const { states, reasons, hours, oldestOpen, bytes } = sums;
  const { read, copies } = counts;
  if (read === 0) return [`There are no letters in "${queue.topic}".`, ...leftOut(queue, counts)].join("\n");
  const newest = [...hours].sort(([a], [b]) => b - a);
  const shown = newest.slice(0, HOURS_SHOWN).reverse();
  const most = Math.max(...shown.map(([, counts]) => sum(counts)));
  return [
    `letters    ${read - copies} in "${queue.topic}"${copies > 0 ? `, and ${copies} copies` : ""}; ${sizeText(bytes)}`,
    `states     ${Object.entries(states).map(([state, count]) => `${state} ${count}`).join(", ")}`,
    `oldest     ${
      oldestOpen
        ? `${timeText(letterTimeMs(oldestOpen))}: ${placeText(oldestOpen.at)}, record ${originText(oldestOpen)}`
        : "none is open"
    }`,
    "",
    table(
      ["STAGE", "REASON", "OPEN", "REPLAYED", "RESOLVED", "QUARANTINED"],
      sortedReasons(reasons).map(({ stage, reason, counts }) => [
        ...[oneLine(stage || "?", 30), oneLine(reason || "unknown", 70)],
        ...[counts.open, counts.replayed, counts.resolved, counts.quarantined],
      ]),
    ),
    "",
    `By the hour in which they were set aside${newest.length > shown.length ? `, the last ${shown.length}` : ""}:`,
    ...shown.map(([hour, counts]) => {
      const bar = "#".repeat(Math.max(1, Math.round(sum(counts) / most * BAR)));
      return `${timeText(hour).slice(0, 16)}Z  ${bar} ${sum(counts)}${counts.open > 0 ? ` (${counts.open} open)` : ""}`;
    }),
    "",
    ...leftOut(queue, counts),
    `What is wrong with them: deno task dlq groups ${queue.flagsText}`.trimEnd(),
  ].join("\n");
}

function sortedReasons(reasons: LetterStats["reasons"]) {
  return [...reasons.values()].sort((a, b) => sum(b.counts) - sum(a.counts));
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}
