/**
 * What rows would change about a table that exists.
 *
 * @module
 */
import type { Field, Schema } from "apache-arrow";
import type { TargetPreview } from "../../api/mod.ts";
import type { TableTools } from "../table_tools.ts";

/** By path; names in any case are the same. */
export interface SchemaDiff {
  /** The rows have, the table lacks. */
  readonly added: readonly string[];
  /** The table has, the rows lack: they will be null. */
  readonly missing: readonly string[];
  /** Of another type in the table. Types that widen without loss pass; others are among the rejects. */
  readonly changed: readonly string[];
  /** By `schema.evolution`. */
  readonly policy: string;
  /** Whether the policy lets the table have what is added. */
  readonly allowed: boolean;
}

/** Compares the rows' columns with the table's as it is. */
export function schemaDiff(
  { before, partitions }: Pick<TargetPreview, "before" | "partitions">,
  rows: readonly Field[],
  { describe, evolution }: { describe: TableTools["describeColumn"]; evolution: string },
): SchemaDiff {
  const ofTable = columnsOf((before as Schema).fields, describe);
  const ofRows = columnsOf(rows, describe);
  // What the sink itself makes is in no record.
  const own = new Set(partitions.flatMap(({ values }) => Object.keys(values)).map((name) => name.toLowerCase()));
  const added = [...ofRows].filter(([path]) => !ofTable.has(path) && !hasAncestor(path, ofRows, ofTable));
  const missing = [...ofTable].filter(([path]) =>
    !ofRows.has(path) && !own.has(path) && !path.startsWith("_kafka_") && !hasAncestor(path, ofTable, ofRows)
  );
  const changed = [...ofTable].flatMap(([path, { name, type }]) => {
    const other = ofRows.get(path);
    return other && other.type !== type ? [`${name}: ${type} in the table, ${other.type} in the records`] : [];
  });
  return {
    added: added.map(([, { name, type }]) => `${name}: ${type}`),
    missing: missing.map(([, { name, type }]) => `${name}: ${type}`),
    changed,
    policy: evolution,
    allowed: added.length === 0 || evolution === "add",
  };
}

interface Column {
  readonly name: string;
  readonly type: string;
}

/** Columns by path in lower case; of what has parts the kind alone, and its parts. */
function columnsOf(fields: readonly Field[], describe: TableTools["describeColumn"]): Map<string, Column> {
  const out = new Map<string, Column>();
  const visit = (field: Field, path: string): void => {
    const children = (field.type.children ?? []) as Field[];
    const type = describe(field.type, path);
    const kind = /^(struct|array|map)</.exec(type)?.[1];
    out.set(path.toLowerCase(), { name: path, type: kind ?? type });
    if (kind === "struct") { for (const child of children) visit(child, `${path}.${child.name}`); }
    if (kind === "array") visit(children[0], `${path}[]`);
    if (kind === "map") {
      const [key, value] = children[0].type.children as Field[];
      visit(key, `${path}{key}`);
      visit(value, `${path}{}`);
    }
  };
  for (const field of fields) visit(field, field.name);
  return out;
}

/** Whether something above the path is on one side alone, too: then that is said, and not its parts. */
function hasAncestor(path: string, here: ReadonlyMap<string, Column>, there: ReadonlyMap<string, Column>): boolean {
  for (const above of here.keys()) {
    if (path.length > above.length && path.startsWith(above) && /^[.[{]/.test(path.slice(above.length))) {
      const other = there.get(above);
      if (!other || other.type !== here.get(above)!.type) return true;
    }
  }
  return false;
}
