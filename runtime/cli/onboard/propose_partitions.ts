/**
 * What a table could be partitioned by.
 *
 * @module
 */
import { type Field, Type } from "apache-arrow";
import { counted } from "../plan/estimate.ts";
import { type ColumnStatistics, DISTINCT_MAX, isTime } from "./statistics.ts";

/** A proposal. */
export interface PartitionProposal {
  /** For `partition.by`; empty: nothing suggests itself. */
  readonly by: readonly string[];
  readonly why: string;
  /** What else could be. */
  readonly alternatives: readonly { readonly by: string; readonly why: string }[];
}

/** Names that say when a thing happened, and those that say something else. */
const HAPPENED = /^(ts|time|timestamp|date|day|datetime|at|event_?(ts|time|date|at|timestamp))$/i;
const LIKELY =
  /(event|occur|happen|creat|record|log|paid|plac|order|receiv|sent|made|start|ingest|publish)|(_|^)(ts|at|time|timestamp|date)$|(At|Time|Date|Timestamp)$/;
const OTHERWISE =
  /(birth|dob|expir|valid|due|updat|modif|chang|delet|until|end|deliver|deadline|clos|cancel|last|next)/i;
/** What `partition.by` cannot name. */
const UNNAMED = /[ ,;{}()\n\t=]/;
/** Rows of which a judgement can be made. */
const ROWS_MIN = 100;
const STRINGS_MAX = 20;

/**
 * From the names and types of the columns, and what a sample of so many rows says of them (null: nothing). A column that
 * some rows have not is none to partition by: they would be dead letters.
 */
export function proposePartitions(
  fields: readonly Field[],
  statistics: (name: string) => ColumnStatistics | null,
  rows: number,
): PartitionProposal {
  const usable = fields.filter(({ name }) => !UNNAMED.test(name) && (rows === 0 || statistics(name)?.rows === rows));
  const times = usable.filter(isTime).map((field) => ({ field, score: scoreOf(field, statistics(field.name)) }))
    .filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
  const strings = usable.filter(({ type }) => type.typeId === Type.Utf8).flatMap(({ name }) => {
    const found = statistics(name);
    const fits = found && found.rows >= ROWS_MIN && found.distinct > 1 && found.distinct <= STRINGS_MAX;
    return fits ? [{ by: name, why: `${found.distinct} different values in ${found.rows} rows` }] : [];
  });
  const [best, ...others] = times;
  const alternatives = [
    ...others.map(({ field }) => ({ by: textOf(field), why: daysText(statistics(field.name)) })),
    ...strings,
  ];
  if (best) return { by: [textOf(best.field)], why: daysText(statistics(best.field.name)), alternatives };
  return {
    by: [],
    why: "no column says when a thing happened",
    alternatives: [...alternatives, { by: "date(kafka.timestamp)", why: "when the record was produced" }],
  };
}

/** What is wrong with entries of `partition.by` for these columns; null: nothing. */
export function partitionProblem(entries: readonly string[], fields: readonly Field[]): string | null {
  for (const entry of entries) {
    const [, call, name] = /^(?:(date|hour)\((.*)\)|.*)$/.exec(entry)!;
    if (call !== undefined && name === "kafka.timestamp") continue;
    const source = (name ?? entry).toLowerCase();
    const field = fields.find((each) => each.name.toLowerCase() === source);
    if (field === undefined) {
      const choices = [...fields.filter(isTime).map(textOf), "date(kafka.timestamp)"].slice(0, CHOICES_MAX);
      return `there is no column "${name ?? entry}"; known are columns, date(column) and hour(column), e.g. ${
        choices.join(", ")
      }; none: no partitions`;
    }
    if (call !== undefined && !isTime(field)) return `${call}() needs a time, "${field.name}" is ${field.type}`;
    if (call === undefined && field.type.children?.length) return `"${field.name}" has parts; name a plain column`;
  }
  return null;
}

const CHOICES_MAX = 4;

function scoreOf({ name, nullable }: Field, found: ColumnStatistics | null): number {
  let score = HAPPENED.test(name) ? 4 : LIKELY.test(name) ? 3 : 2;
  if (OTHERWISE.test(name)) score -= 3;
  if (found && found.rows > 0) {
    if (found.nulls > 0) score -= found.nulls / found.rows > 0.1 ? 3 : 1;
    // Days all over the calendar: every round would write to all of them.
    if (found.rows >= ROWS_MIN && (found.distinct > DISTINCT_MAX || found.distinct > found.rows / 4)) score -= 4;
  } else if (nullable) score -= 1;
  return score;
}

function textOf({ name, type }: Field): string {
  return type.typeId === Type.Date ? name : `date(${name})`;
}

function daysText(found: ColumnStatistics | null): string {
  if (!found || found.rows === 0) return "by its name and type; there was no record to look at";
  const nulls = found.nulls > 0 ? `, ${counted(found.nulls, "null")}` : "";
  return `${counted(found.distinct, "different day")} in ${counted(found.rows, "row")}${nulls}`;
}
