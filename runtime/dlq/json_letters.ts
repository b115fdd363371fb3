/**
 * JSON letters with their fields changed: each is decoded as it is, whatever the table's columns are, and becomes a record of
 * JSON again, which then goes the way of every other. What the fix leaves alone keeps its own text.
 *
 * @module
 */
import { createColumn, type ListColumn, nulls, type SinkBatch, types } from "../api/mod.ts";
import type { Instance } from "../config/resolve_instance.ts";
import { createLog } from "../log.ts";
import { type FixStage, type OfflineSetup, OfflineStages } from "../offline_stages.ts";
import { columnsOf, withColumns } from "./cast_fields.ts";
import { groupByKinds, kindOf, type Kinds, kindsOf } from "./json_kinds.ts";
import { type Entry, memberTexts, patchedObject } from "./json_patch.ts";
import type { Letter } from "./letter.ts";
import { type LetterSlab, slabsOfLetters } from "./letter_records.ts";
import type { Refusal } from "./run_work.ts";
import { onlyTopic } from "./topic_of.ts";
import type { Fixed } from "./topic_target.ts";

/** What changing them takes. */
export interface JsonFix extends Omit<OfflineSetup, "fix" | "targetSchema"> {
  readonly stage: FixStage;
  /** By the schema that is configured; else by what each letter holds. */
  readonly declared: boolean;
}

/** By letter: what it is now. Those that the stage leaves out are neither there nor refused. */
export async function changeJson(letters: readonly Letter[], fix: JsonFix): Promise<Fixed> {
  const changed = new Map<Letter, Letter>();
  const refused: Refusal[] = [];
  for (const letter of letters) if (letter.value === null) changed.set(letter, letter); // a tombstone has no fields
  const values = letters.filter(({ value }) => value !== null);
  const texts = new Map(values.map((letter) => [letter, DECODER.decode(letter.value!)]));
  for (const { kinds, of } of groupsOf([...texts.values()], fix.declared)) {
    let slab: LetterSlab | null = null;
    let before: SinkBatch[] = [];
    const stage: FixStage = (batch, reject) => {
      const textAt = (row: number) => texts.get(slab!.letters[batch.origin.rows[row]])!;
      const whole = kinds === null ? batch : withEmptyMembers(batch, kinds, textAt);
      before.push(whole);
      return fix.stage(whole, reject);
    };
    const instance = plain(fix.instance, fix.declared);
    const stages = await OfflineStages.load({ ...fix, log: QUIET, instance, fix: stage });
    for (slab of slabsOfLetters(of.map((i) => values[i]), onlyTopic(fix.instance))) {
      before = [];
      const { refused: found, fixed = [] } = await stages.treat(slab.records);
      const failed = new Map(found.map((each) => [each.index, each]));
      for (const [index, { stage, error }] of failed) refused.push({ letter: slab.letters[index], stage, error });
      const was = entriesOf(before);
      for (const [index, is] of entriesOf(fixed)) {
        if (failed.has(index)) continue;
        const letter = slab.letters[index];
        const text = texts.get(letter)!;
        const entry = was.get(index)!;
        const patched = patchedObject(text, entry, is);
        const isSame = patched === patchedObject(text, entry, entry);
        changed.set(letter, isSame ? letter : { ...letter, value: ENCODER.encode(patched) });
      }
    }
  }
  return { letters: changed, refused };
}

function groupsOf(texts: readonly string[], declared: boolean): ReturnType<typeof groupByKinds> {
  return declared ? [{ kinds: null, of: [...texts.keys()] }] : groupByKinds(texts.map(kindsOf));
}

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();
/** What is inferred of a few letters is nobody's news. */
const QUIET = createLog({ level: "error", format: "text" });

/** The instance with its own decoding alone: no rules, no transforms, and no schema where each letter shall say it. */
function plain(instance: Instance, declared: boolean): Instance {
  return {
    ...instance,
    hasExpressions: false,
    forTopic: (topic) => {
      const settings = instance.forTopic(topic);
      const { valueConverter, values } = settings;
      const config = declared ? valueConverter.config : { ...valueConverter.config, "value.schema": null };
      return {
        ...settings,
        values: { ...values, "columns.json": [] },
        valueConverter: { ...valueConverter, config },
        transforms: [],
        rules: [],
        expressions: [],
      };
    },
  };
}

/** The batch with columns for top-level members that tell no type: null or empty in all of the letters. */
function withEmptyMembers(batch: SinkBatch, kinds: Kinds, textAt: (row: number) => string): SinkBatch {
  const { numRows } = batch;
  const members = Array.from({ length: numRows }, (_, row) => memberTexts(textAt(row)));
  const all = columnsOf(batch);
  const known = new Set(all.fields.map(({ name }) => name));
  const names = new Set(members.flatMap((each) => [...each.keys()])).difference(known);
  if (names.size === 0) return batch;
  const made = [...names].map((name) => {
    const kind = kindOf(kinds, name);
    const type = kind === "list"
      ? types.list(types.utf8())
      : kind === "object"
      ? types.map(types.utf8(), types.utf8())
      : types.utf8();
    const field = types.field(name, type);
    if (kind === null) return { field, column: nulls(field, numRows) };
    const column = createColumn(type) as ListColumn;
    for (const each of members) /^[[{]/.test(each.get(name) ?? "") ? column.close() : column.appendNull();
    return { field, column: column.finish() };
  });
  return withColumns(batch, {
    fields: [...all.fields, ...made.map(({ field }) => field)],
    columns: [...all.columns, ...made.map(({ column }) => column)],
    length: numRows,
  });
}

function entriesOf(batches: readonly SinkBatch[]): ReadonlyMap<number, Entry> {
  return new Map(batches.flatMap((batch) => {
    const { fields, columns } = columnsOf(batch);
    return Array.from(batch.origin.rows, (index, row) => [index, { fields, columns, index: row }] as const);
  }));
}
