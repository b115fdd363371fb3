/**
 * A mapping, as a table for people.
 *
 * @module
 */
import type { SubjectMapping, TableTools } from "../table_tools.ts";

const HEAD = ["field", "writer's type", "column", "null", "note"] as const;
const CELL_MAX = 44;

/** The lines; what asks for a decision is marked. */
export function mappingText(
  { subject, version, converter, lines, columnsJson, renames, notes, refused }: SubjectMapping,
  describe: TableTools["describeColumn"],
): string {
  const rows = lines.map(({ path, writer, type, nullable, note, decide }) => [
    path,
    clipped(writer),
    type === null ? "-" : clipped(shortType(describe(type, path))),
    type === null ? "" : nullable ? "yes" : "no",
    note === null ? "" : decide ? `! ${note}` : note,
  ]);
  const widths = HEAD.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) => `  ${cells.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd()}`;
  const decisions = lines.filter(({ decide }) => decide).length;
  return [
    `${subject} version ${version ?? "?"} (${converter}), ${decisions} to decide (!)`,
    line(HEAD),
    ...rows.map(line),
    ...columnsJson.length === 0 ? [] : [`  columns.json: [${columnsJson.join(", ")}]`],
    ...renames.map(({ from, to }) => `  renamed: ${JSON.stringify(from)} to ${to}`),
    ...notes.map((note) => `  note: ${note}`),
    ...refused === null ? [] : [`  REFUSED: ${refused}`],
  ].join("\n");
}

/** What a struct holds has lines of its own. */
export function shortType(type: string): string {
  const at = type.indexOf("struct<");
  if (at < 0) return type;
  let depth = 0;
  for (let end = at + "struct".length; end < type.length; end++) {
    if (type[end] === "<") depth++;
    else if (type[end] === ">" && --depth === 0) return `${type.slice(0, at)}struct${shortType(type.slice(end + 1))}`;
  }
  return type;
}

function clipped(text: string): string {
  return text.length > CELL_MAX ? `${text.slice(0, CELL_MAX - 3)}...` : text;
}
