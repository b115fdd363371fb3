/**
 * Checks of schemas as text.
 *
 * @module
 */
import { counted } from "../plan/estimate.ts";
import type { SubjectCheck, VersionCheck } from "./check_topic.ts";

/** Whether nothing of it would become dead letters. */
export function isGreen({ versions }: SubjectCheck): boolean {
  return versions.every(({ verdict }) => verdict !== "refused");
}

/** A subject, a version a paragraph. */
export function checkText(check: SubjectCheck): string {
  const { connector, topic, subject, table, tableExists, policy, standsFor, newest, versions, note } = check;
  const state = !tableExists
    ? "the table does not exist yet"
    : standsFor === null
    ? "the table has no version's columns"
    : `the table has the columns of version ${standsFor}${
      newest === standsFor ? ", the newest" : `, ${newest} is newest`
    }`;
  return [
    `${connector}: ${topic} -> ${table ?? "its target"} (schema.evolution: ${policy})`,
    `  ${subject || "?"}: ${note ?? state}`,
    ...versions.flatMap((version) => versionLines(version, policy)),
  ].join("\n");
}

function versionLines(check: VersionCheck, policy: string): string[] {
  const { version, verdict, added, changed, widened, required, missing, refused, notes, fix } = check;
  const name = version === null ? "this schema" : `version ${version}`;
  const word = {
    ok: "ok",
    adds: `ok, adds ${counted(added.length, "column")}`,
    refused: "RED",
  }[verdict];
  const part = (sign: string, columns: readonly string[]) => columns.map((column) => `      ${sign} ${column}`);
  return [
    `    ${name}: ${word}`,
    ...refused === null ? [] : [`      ! ${refused}`],
    ...verdict === "refused" && added.length > 0 && policy !== "add"
      ? ["      the table lacks these: records with a value there become dead letters"]
      : [],
    ...part("+", added),
    ...part("~", changed),
    ...part("!", required.map((column) => `${column} NOT NULL in the table, not in the records`)),
    ...part("=", widened.map((column) => `${column}: held without loss`)),
    ...part("-", missing.map((column) => `${column} (null in new rows)`)),
    ...notes.map((note) => `      note: ${note}`),
    ...fix.map((line, i) => `      ${i === 0 ? "fix: " : "or:  "}${line}`),
  ];
}

/** The last line. */
export function verdictText(checks: readonly SubjectCheck[]): string {
  const red = checks.filter((check) => !isGreen(check));
  const count = counted(checks.length, "subject");
  if (red.length === 0) return `green: ${count} checked`;
  return `red: ${red.map(({ subject }) => subject).join(", ")} (${count} checked)`;
}
