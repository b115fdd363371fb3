/**
 * `dlq export`: letters with all that they are, to a file.
 *
 * @module
 */
import { ConfigError } from "../../api/mod.ts";
import { batchesOf } from "../../dlq/batches.ts";
import { ChoiceCounts, type ChosenLetter } from "../../dlq/choose.ts";
import { EXPORT_SCHEMA, type ExportedLetter, letterBatch, letterLine } from "../../dlq/export.ts";
import type { CliContext } from "../command_line.ts";
import { leftOut, type LetterFlags, parseLetterFlags, readChosen } from "./chosen_letters.ts";
import { type OpenQueue, withQueue } from "./open_queue.ts";
import { print, printJson } from "./text.ts";

/** Letters that are decoded and written together. */
const BATCH = { letters: 500, bytes: 4 * 1024 * 1024 };

/** Returns the exit code. */
export async function exportLetters(
  flags: LetterFlags & { readonly out: string; readonly json: boolean },
  context: CliContext,
): Promise<number> {
  const { out } = flags;
  const format = /\.(ndjson|jsonl|parquet)$/.exec(out)?.[1];
  if (!format) throw new ConfigError([{ key: "--out", value: out, why: "must end in .ndjson or .parquet" }]);
  const choice = await parseLetterFlags(flags);
  return await withQueue(flags, context, async (queue) => {
    const encode = format === "parquet" ? await parquetEncoder(context) : ndjsonEncoder;
    // Whole or not at all: a script that finds the file can trust it.
    const making = `${out}.tmp`;
    let letters = 0;
    const counts = new ChoiceCounts();
    try {
      using file = await create(making, out);
      const write = async (bytes: Uint8Array) => {
        for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      };
      for await (const batch of batchesOf(readChosen(queue, choice, counts), BATCH, ({ letter }) => letter)) {
        letters += batch.length;
        for (const bytes of encode(await looked(queue, batch))) await write(bytes);
      }
      for (const bytes of encode(null)) await write(bytes);
      await file.sync();
    } catch (error) {
      await Deno.remove(making).catch(() => {}); // what went wrong is thrown
      throw error;
    }
    await Deno.rename(making, out);
    const bytes = (await Deno.stat(out)).size;
    const { others, unevaluated } = counts;
    if (flags.json) printJson(JSON.stringify({ topic: queue.topic, letters, out, bytes, others, unevaluated }));
    else {
      print(
        [`${letters} letters of "${queue.topic}" are in ${out} (${bytes} bytes)`, ...leftOut(queue, counts)].join("\n"),
      );
    }
    return 0;
  });
}

async function create(making: string, out: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(making, { write: true, create: true, truncate: true });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ConfigError([{ key: "--out", value: out, why: `cannot be written (${error.message})` }]);
  }
}

async function looked(queue: OpenQueue, batch: readonly ChosenLetter[]): Promise<ExportedLetter[]> {
  const outcomes = await queue.look(batch.map(({ letter }) => letter));
  return batch.map(({ letter, state }) => {
    const { value = null, key = null } = outcomes.get(letter) ?? {};
    return { letter, state, value, key };
  });
}

/** What to write for letters; null: they are all there. */
type Encoder = (letters: readonly ExportedLetter[] | null) => readonly Uint8Array[];

const ndjsonEncoder: Encoder = (letters) =>
  letters === null ? [] : [new TextEncoder().encode(letters.map((letter) => `${letterLine(letter)}\n`).join(""))];

async function parquetEncoder(context: CliContext): Promise<Encoder> {
  const { createParquetFile } = await context.tables();
  const file = createParquetFile({ schema: EXPORT_SCHEMA, codec: "zstd" });
  return (letters) => letters === null ? file.finish() : file.append(letterBatch(letters));
}
