/**
 * The flags that say how letters are changed, read.
 *
 * @module
 */
import { ConfigError, type ConfigProblem } from "../../api/mod.ts";
import { castProblem } from "../../dlq/cast_fields.ts";
import type { FixSpec } from "../../dlq/fix_spec.ts";
import { pathProblem } from "../../dlq/nested_fields.ts";

/** See `FixSpec`. */
export interface FixFlags {
  readonly set?: readonly string[];
  readonly cast?: readonly string[];
  readonly dropField?: readonly string[];
  readonly schemaId?: string;
  /** A file. */
  readonly transforms?: string;
  readonly option?: readonly string[];
}

/** Throws ConfigError with all that is wrong, as far as it can be told without letters. */
export async function parseFix(flags: FixFlags): Promise<FixSpec> {
  const { set = [], cast = [], dropField = [], option = [], schemaId, transforms } = flags;
  const problems: ConfigProblem[] = [];
  const note = (key: string, value: string, why: string | null) => {
    if (why !== null) problems.push({ key, value, why });
  };
  const sets = set.map((text): [string, string] => {
    const at = text.indexOf("=");
    return [text.slice(0, Math.max(at, 0)).trim(), text.slice(at + 1).trim()];
  });
  const { celValueProblem } = sets.length > 0 ? await import("../../cel.ts") : { celValueProblem: () => null };
  sets.forEach(([field, expression], i) =>
    note(
      "--set",
      set[i],
      field === ""
        ? "must be FIELD=EXPRESSION, e.g. total=value.a + 1"
        : pathProblem(field) ?? celValueProblem(expression),
    )
  );
  for (const text of cast) note("--cast", text, castProblem(text) ?? pathProblem(text.slice(0, text.lastIndexOf(":"))));
  for (const path of dropField) note("--drop-field", path, pathProblem(path));
  for (const text of option) note("--option", text, optionProblem(text));
  if (schemaId !== undefined && !/^\d{1,9}$/.test(schemaId)) {
    note("--schema-id", schemaId, "must be the id of a schema in the registry");
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    sets,
    casts: cast,
    drops: dropField,
    schemaId: schemaId === undefined ? null : Number(schemaId),
    transforms: transforms === undefined ? null : await Deno.readTextFile(transforms),
    options: option,
  };
}

function optionProblem(text: string): string | null {
  const key = /^([^=]+)=/.exec(text)?.[1].trim();
  if (key === undefined) return "must be KEY=VALUE";
  if (!/^(connector|connector\.class|topics|topics\.regex)$/.test(key)) return null;
  return "says what the connector is, and no other may take its letters; choose letters by --where";
}
