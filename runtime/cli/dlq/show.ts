/**
 * `dlq show`: a letter whole.
 *
 * @module
 */
import { ConfigError, FatalError } from "../../api/mod.ts";
import { letterLine } from "../../dlq/export.ts";
import { groupId } from "../../dlq/group.ts";
import { type Letter, letterKey, letterTimeMs, type Place } from "../../dlq/letter.ts";
import type { Outcome } from "../../dlq/pipeline.ts";
import type { CliContext } from "../command_line.ts";
import { framedSchemaId, type OpenQueue, type QueueFlags, withQueue } from "./open_queue.ts";
import { hexDump, oneLine, originText, placeText, print, printJson, textOf, timeText } from "./text.ts";

const TEXT_MAX = 4000;

/** Returns the exit code. */
export async function show(
  text: string,
  flags: QueueFlags & { readonly json: boolean },
  context: CliContext,
): Promise<number> {
  const place = parsePlace(text);
  return await withQueue(flags, context, async (queue) => {
    const { letter, others } = await findLetter(queue, place);
    const ledger = await queue.ledger();
    const state = ledger.stateOf(letter);
    const pipeline = await queue.pipeline(true);
    const outcome = (pipeline ? await pipeline.try([letter]) : await queue.look([letter])).get(letter);
    const { value = null, key = null } = outcome ?? {};
    if (flags.json) {
      const line = letterLine({ letter, state, value, key });
      const more = JSON.stringify({
        ledger: ledger.entryOf(letter) ?? null,
        now: outcome && pipeline ? nowJson(outcome) : null,
        otherLetters: others.map((other) => ({
          letter: placeText(other.at),
          attempts: other.attempts,
          reason: other.reason,
          state: ledger.stateOf(other),
        })),
      });
      printJson(`${line.slice(0, -1)},${more.slice(1)}`);
      return 0;
    }
    const schemaId = letter.schemaId ?? framedSchemaId(letter.value);
    const schema = schemaId === null ? null : await queue.schemaOfId(schemaId);
    const subjects = schema?.subjects.map(({ subject, version }) => `${subject}@${version}`).join(", ");
    const entry = ledger.entryOf(letter);
    print([
      ...heading(letter),
      `state      ${state}${entry ? `, by run ${oneLine(entry.run, 60)} at ${timeText(entry.atMs)}` : ""}`,
      ...(entry?.note ? [`note       ${oneLine(entry.note, TEXT_MAX)}`] : []),
      `schema     ${
        schemaId === null ? "no id" : `id ${schemaId}, ${oneLine(subjects || letter.subject || "subject unknown", 300)}`
      }`,
      ...(pipeline && outcome ? [`now        ${nowText(outcome, pipeline.asksSink)}`] : []),
      ...(others.length > 0 ? ["", "other letters of the record"] : []),
      ...others.map((other) =>
        `  ${placeText(other.at)}  times ${other.attempts}  ${ledger.stateOf(other)}  ${
          oneLine(`${other.stage} ${other.reason}`, 100)
        }`
      ),
      "",
      "headers",
      ...letter.headers.map(({ key, value }) =>
        `  ${oneLine(key, 200)}: ${value === null ? "null" : bytesLine(value)}`
      ),
      ...(letter.headers.length === 0 ? ["  none"] : []),
      "",
      ...bytesText("key", letter.key, key, letter.stage === "KEY_CONVERTER" ? letter.bytePosition : null),
      ...bytesText("value", letter.value, value, letter.stage === "KEY_CONVERTER" ? null : positionOf(letter, outcome)),
      ...(letter.trace ? ["", "trace", indented(shortened(letter.trace))] : []),
      "",
      `The letters like it: deno task dlq list --group ${groupId(letter)} ${queue.flagsText}`.trimEnd(),
    ].join("\n"));
    return 0;
  });
}

/** `topic-partition@offset` or `partition:offset`, then of the queue itself. Throws ConfigError. */
export function parsePlace(text: string): Place | Omit<Place, "topic"> {
  const named = /^(.+)-(\d{1,9})@(\d{1,19})$/.exec(text);
  if (named) return { topic: named[1], partition: Number(named[2]), offset: BigInt(named[3]) };
  const own = /^(\d{1,9}):(\d{1,19})$/.exec(text);
  if (own) return { partition: Number(own[1]), offset: BigInt(own[2]) };
  const why = "must be a letter's place, e.g. dead-letters-0@17 or 0:17, or where its record came from: orders-0@1234";
  throw new ConfigError([{ key: "PLACE", value: text, why }]);
}

/** The letter at a place, or the last one of the record at it; and all others of the same record. Throws FatalError. */
export async function findLetter(
  queue: OpenQueue,
  place: Place | Omit<Place, "topic">,
): Promise<{ letter: Letter; others: readonly Letter[] }> {
  const isOwn = !("topic" in place) || place.topic === queue.topic;
  const offsets = [{ partition: place.partition, from: place.offset, to: place.offset + 1n }];
  let found: Letter | null = null;
  if (isOwn) { for await (const letter of queue.read({ offsets })) found = letter; }
  if (isOwn && !found) throw new FatalError(await whyNotThere(queue, place));
  const isMeant = ({ origin }: Letter) => origin !== null && placeText(origin) === placeText(place as Place);
  const key = found && letterKey(found);
  const meant: Letter[] = [];
  for await (const letter of queue.read()) if (key ? letterKey(letter) === key : isMeant(letter)) meant.push(letter);
  meant.sort((a, b) =>
    letterTimeMs(a) - letterTimeMs(b) || a.attempts - b.attempts || (a.at.offset < b.at.offset ? -1 : 1)
  );
  const letter = found ?? meant.at(-1);
  if (!letter) {
    throw new FatalError(
      `Cannot find a letter of the record ${placeText(place as Place)} in "${queue.topic}": it was not set aside, or ` +
        `is gone by retention; "deno task dlq list ${queue.flagsText} --state all" shows what is there`,
    );
  }
  const isSame = ({ at }: Letter) => at.partition === letter.at.partition && at.offset === letter.at.offset;
  // A topic that was created again has another record at the same place.
  return { letter, others: meant.filter((other) => !isSame(other) && letterKey(other) === letterKey(letter)) };
}

async function whyNotThere(queue: OpenQueue, { partition, offset }: Omit<Place, "topic">): Promise<string> {
  const described = await queue.admin.describeTopics([queue.topic]);
  const [{ logStartOffset, endOffset }] = await queue.admin.logBounds([{ ...described[0], partition }]);
  const what = `Cannot show ${placeText({ topic: queue.topic, partition, offset })}`;
  return offset < logStartOffset || offset >= endOffset
    ? `${what}: the partition holds offsets from ${logStartOffset} to ${endOffset - 1n}`
    : `${what}: no record is there, it is a marker of a transaction or was removed; take another offset`;
}

function heading(letter: Letter): string[] {
  const { at, timestampMs, setAsideMs, stage, reason, fieldPath, bytePosition, attempts, connector, task, exception } =
    letter;
  const where = [fieldPath && `field ${oneLine(fieldPath, 200)}`, bytePosition !== null && `byte ${bytePosition}`]
    .filter(Boolean);
  return [
    `letter     ${placeText(at)}, group ${groupId(letter)}`,
    `record     ${originText(letter)}, timestamp ${timeText(timestampMs)}`,
    `set aside  ${setAsideMs === null ? "at an unknown time" : timeText(setAsideMs)}`,
    `refused    ${oneLine(stage || "at an unknown stage", 100)}: ${oneLine(reason || "unknown reason", 300)}${
      where.length > 0 ? ` (${where.join(", ")})` : ""
    }`,
    `message    ${shortened(letter.message || "none").replaceAll("\n", "\n           ")}`,
    `times      ${attempts}`,
    `by         ${oneLine(connector || "unknown", 200)}${task === null ? "" : `, task ${task}`}${
      exception ? `, ${oneLine(exception, 200)}` : ""
    }`,
  ];
}

function nowText({ kind, stage, error }: Outcome, asksSink: boolean): string {
  switch (kind) {
    case "passes":
      return asksSink ? "would pass" : "would reach the sink, which has no preview";
    case "dropped":
      return "would be left out by the configuration, and not be set aside";
    case "unknown":
      return "not tried: it is not known which topic it is of";
    case "refused":
      return `would be refused again, ${stage}: ${oneLine(error!.message, TEXT_MAX)}`;
  }
}

function nowJson({ kind, stage, error }: Outcome) {
  return { kind, stage, reason: error?.details.reason ?? null, message: error?.message ?? null };
}

/** Where decoding fails now, or else failed. */
function positionOf({ bytePosition, stage }: Letter, outcome: Outcome | undefined): number | null {
  const now = outcome?.stage === "VALUE_CONVERTER" ? outcome.error?.details.bytePosition : undefined;
  return now ?? (stage === "VALUE_CONVERTER" ? bytePosition : null);
}

function bytesText(name: string, bytes: Uint8Array | null, decoded: string | null, mark: number | null): string[] {
  if (bytes === null) return [`${name}: null`];
  if (decoded !== null) return [`${name} (${bytes.length} bytes, decoded)`, indented(shortened(decoded))];
  const text = textOf(bytes);
  const asText = text === null || text === "" ? [] : [`${name} as text`, indented(shortened(text))];
  return [...asText, `${name} (${bytes.length} bytes)`, indented(hexDump(bytes, mark))];
}

function bytesLine(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text === null ? `${bytes.subarray(0, 100).toHex()} (hex)` : oneLine(text, TEXT_MAX);
}

function shortened(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}... (${text.length} characters; --json has all)`;
}

function indented(text: string): string {
  return text.split("\n").map((line) => `  ${line}`).join("\n");
}
