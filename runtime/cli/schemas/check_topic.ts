/**
 * The versions of a topic's subjects against its table and policy.
 *
 * @module
 */
import { DataError, type SchemaDocument } from "../../api/mod.ts";
import type { Schema } from "apache-arrow";
import type { Instance } from "../../config/resolve_instance.ts";
import type { ColumnsFit, RegistrySubjects, TableTools } from "../table_tools.ts";
import { columnsOf, type Pipeline, previewOf } from "./columns.ts";

/** A version of a subject, against the table. */
export interface VersionCheck {
  /** Null: it is not registered. */
  readonly version: number | null;
  readonly id: number | null;
  /** `ok`: its records fit; `adds`: columns come with the first records; `refused`: something would become dead letters. */
  readonly verdict: "ok" | "adds" | "refused";
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly widened: readonly string[];
  readonly required: readonly string[];
  readonly missing: readonly string[];
  /** Why none of its records would come in. */
  readonly refused: string | null;
  readonly notes: readonly string[];
  /** What to do, the first the best; none: nothing is to be done. */
  readonly fix: readonly string[];
}

/** A subject of a topic. */
export interface SubjectCheck {
  readonly connector: string;
  readonly topic: string;
  readonly subject: string;
  /** Null: the sink does not say. */
  readonly table: string | null;
  readonly tableExists: boolean;
  /** `schema.evolution`. */
  readonly policy: string;
  /** Whose columns the table has; null: no version's, or there is no table. */
  readonly standsFor: number | null;
  readonly newest: number | null;
  /** From the one that the table stands for on, ascending. */
  readonly versions: readonly VersionCheck[];
  readonly note: string | null;
}

/** What a check is made with. */
export interface CheckParts {
  readonly instance: Instance;
  readonly pipeline: Pipeline;
  readonly subjects: RegistrySubjects;
  readonly tools: Pick<TableTools, "fitOf" | "describeColumn">;
  /** What `table schema apply` would add to a table; null: it would fail. */
  readonly addedByCommand: (subject: string, version: number, table: Schema) => Promise<readonly string[] | null>;
  /** ` --config FILE`, where it is told. */
  readonly configFlag: string;
}

/** A schema and what the connector makes of it. */
interface Examined {
  readonly document: SchemaDocument;
  readonly columns: Schema | null;
  readonly fit: ColumnsFit;
  readonly refused: string | null;
  readonly note: string | null;
}

const NOTHING: ColumnsFit = { added: [], changed: [], widened: [], required: [], missing: [] };

/** Checks the registered versions, or one that is not. */
export async function checkSubject(
  parts: CheckParts,
  subject: string,
  candidate: SchemaDocument | null,
): Promise<SubjectCheck> {
  const { instance, pipeline: { topic, sink }, subjects } = parts;
  const connector = instance.connectorConfig.forTopic(topic);
  const uri = connector["table.uri"];
  const routed = instance.connectorConfig.routedTopic?.(topic) ?? topic;
  const table = typeof uri === "string" ? uri.replaceAll("${topic}", routed) : null;
  const policy = String(connector["schema.evolution"] ?? "none");
  const before = await sink?.targetSchema?.(topic) ?? null;
  const versions = await subjects.versionsOf(subject);
  const examined: Examined[] = [];
  for (const version of versions) {
    examined.push(await examine(parts, await subjects.version(subject, version), before));
  }
  const stands = before === null ? null : standsFor(examined);
  const chosen = candidate !== null ? [await examine(parts, candidate, before)] : before === null
    ? examined.slice(-1) // older ones are those of a table that was never made
    : examined.slice(stands === null ? 0 : examined.indexOf(stands));
  const checks: VersionCheck[] = [];
  for (const each of chosen) checks.push(await judge(parts, each, { before, policy, table }));
  return {
    connector: instance.name,
    ...{ topic, subject, table, policy },
    tableExists: before !== null,
    standsFor: stands?.document.version ?? null,
    newest: versions.at(-1) ?? null,
    versions: checks,
    note: versions.length === 0 && candidate === null ? "the registry does not know the subject" : null,
  };
}

async function examine(parts: CheckParts, document: SchemaDocument, before: Schema | null): Promise<Examined> {
  const { columns, refused, note } = await columnsOf(parts.pipeline, document);
  if (columns === null) return { document, columns, fit: NOTHING, refused, note };
  try {
    // Compared with itself where there is no table: names and types that no table can have are found so.
    return { document, columns, fit: parts.tools.fitOf(before ?? columns, columns), refused, note };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { document, columns, fit: NOTHING, refused: error.message, note };
  }
}

/** The newest version with exactly the table's columns, else the newest that it has all columns of. */
function standsFor(examined: readonly Examined[]): Examined | null {
  const held = examined.filter(({ refused, fit }) => refused === null && isHeld(fit));
  return held.findLast(({ fit }) => fit.missing.length === 0) ?? held.at(-1) ?? null;
}

function isHeld({ added, changed, required }: ColumnsFit): boolean {
  return added.length + changed.length + required.length === 0;
}

async function judge(
  parts: CheckParts,
  { document, columns, fit, refused, note }: Examined,
  { before, policy, table }: { before: Schema | null; policy: string; table: string | null },
): Promise<VersionCheck> {
  const rules = parts.subjects.rulesOf(document);
  const unknown = rules.filter(({ isUnknown }) => isUnknown);
  const why = refused ?? (columns && (await previewOf(parts.pipeline, columns)).refused);
  const isRefused = why !== null || fit.changed.length + fit.required.length > 0 ||
    (fit.added.length > 0 && policy !== "add");
  return {
    version: document.version,
    id: document.id,
    verdict: isRefused ? "refused" : fit.added.length > 0 ? "adds" : "ok",
    ...fit,
    refused: why,
    notes: [
      ...note === null ? [] : [note],
      ...rules.filter(({ rejects }) => rejects).map(({ name, type, expression }) =>
        `rule "${name}" (${type}: ${expression}) sets records aside that do not keep it`
      ),
      ...unknown.map(({ name, type }) =>
        `rule "${name}" is of type ${type}, which cannot be run here: see rules.unknown`
      ),
    ],
    fix: before === null || table === null ? [] : await fixes(parts, document, fit, { before, policy, table }),
  };
}

async function fixes(
  { addedByCommand, configFlag, tools }: CheckParts,
  { subject, version }: SchemaDocument,
  fit: ColumnsFit,
  { before, policy, table }: { before: Schema; policy: string; table: string },
): Promise<string[]> {
  const out: string[] = [];
  if (fit.added.length > 0 && policy !== "add") {
    const apply = `deno task table schema apply ${table} --subject ${subject}@`;
    const isNtz = (text: string) => text.includes("timestamp_ntz");
    const raises = fit.added.some(isNtz) &&
      !before.fields.some(({ name, type }) => isNtz(tools.describeColumn(type, name)));
    if (!raises && version === null && fit.changed.length === 0) {
      out.push(`once it is registered, before its first record: ${apply}VERSION${configFlag}`);
    } else if (!raises && version !== null) {
      // The command knows nothing of columns.json and transforms.
      const added = await addedByCommand(subject, version, before);
      if (added && added.join() === fit.added.join()) out.push(`${apply}${version}${configFlag}`);
    }
    const more = raises ? " and allow.protocol.upgrade: true (timestamp_ntz)" : "";
    out.push(`schema.evolution: add${more}, which adds columns with the first records that have them`);
  }
  for (const column of fit.changed) {
    const [path] = column.split(": ");
    out.push(
      `a column keeps its type: give "${path}" another name in the schema, or cast it back by a transform ` +
        "(Cast, with its spec) before its first record",
    );
  }
  for (const column of fit.required) {
    out.push(`the table has "${column}" NOT NULL: keep the field, or let the column have nulls`);
  }
  return out;
}
