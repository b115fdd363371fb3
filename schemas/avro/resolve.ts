/**
 * How values of a writer schema become values of a reader schema, decided once for each pair (Apache Avro 1.12
 * specification, "Schema Resolution"). Without a reader schema a writer schema is resolved with itself.
 *
 * A mismatch is part of the plan: it counts where a payload reaches it, e.g. in one branch of a union only.
 *
 * @module
 */
import { DataError } from "../../mod.ts";
import { encodeDefault } from "./defaults.ts";
import {
  type AvroEnum,
  type AvroFixed,
  type AvroPrimitive,
  type AvroRecord,
  type AvroType,
  type AvroUnion,
  type Logical,
  shortName,
} from "./schema.ts";
import { below } from "../rows.ts";
import { hasColumn, unionShape } from "./types.ts";

/** What a decoder does for one value; paths are those of the columns. */
export type Plan =
  /** A null without a column: no bytes. */
  | { readonly op: "nothing" }
  | { readonly op: "scalar"; readonly writer: Scalar; readonly reader: Scalar; readonly path: string }
  /** The symbol to append for each index; null: neither a symbol of the reader nor a default. */
  | { readonly op: "enum"; readonly symbols: readonly (string | null)[]; readonly path: string }
  | { readonly op: "record"; readonly parts: readonly Part[]; readonly path: string }
  | { readonly op: "array"; readonly item: Plan; readonly itemBytesMin: number; readonly path: string }
  | { readonly op: "map"; readonly value: Plan; readonly entryBytesMin: number; readonly path: string }
  /** A union of the writer: the index, then that plan. */
  | { readonly op: "choose"; readonly branches: readonly Plan[]; readonly path: string }
  /** A value that goes into one branch of a union of the reader. */
  | { readonly op: "member"; readonly into: AvroUnion; readonly branch: number; readonly plan: Plan }
  /** A value that the writer does not have: `bytes` are the reader's default, encoded. */
  | { readonly op: "default"; readonly bytes: Uint8Array; readonly plan: Plan }
  /** A value that becomes JSON text; its plan is a graph where the type is recursive. */
  | { readonly op: "json"; readonly plan: Plan; readonly path: string }
  | { readonly op: "refuse"; readonly reason: string; readonly what: string; readonly path: string };

/** One step of a record, in the order of the writer's fields, then defaults. */
export type Part =
  /** `column`: the position among the struct's children, -1 where the field has no column. */
  | { readonly column: number; readonly name: string; readonly plan: Plan }
  | { readonly skip: AvroType; readonly path: string };

/** Types whose value is one piece. */
export type Scalar = AvroPrimitive | AvroFixed;

/** Plans the decoding; the reader is a type that columns can hold (`rowFields`), with JSON text at `jsonPaths`. */
export function resolve(
  writer: AvroType,
  reader: AvroType,
  path: string,
  jsonPaths: ReadonlySet<string> = new Set(),
): Plan {
  return resolveWithin(writer, reader, path, { jsonPaths, records: null });
}

/** Where a type is resolved. */
interface Within {
  readonly jsonPaths: ReadonlySet<string>;
  /** Within JSON text: the plans of records by writer and reader, so that a recursive type ends. Else null. */
  readonly records: Map<AvroRecord, Map<AvroRecord, Plan>> | null;
}

function resolveWithin(writer: AvroType, reader: AvroType, path: string, within: Within): Plan {
  if (!within.records && within.jsonPaths.has(path)) {
    return { op: "json", plan: resolveWithin(writer, reader, path, { ...within, records: new Map() }), path };
  }
  if (writer.kind === "union") {
    const branches = writer.branches.map((type, branch) =>
      writer === reader ? intoBranch(type, writer, branch, path, within) : resolveWithin(type, reader, path, within)
    );
    return { op: "choose", branches, path };
  }
  if (reader.kind === "union") {
    const branch = matchingBranch(writer, reader);
    if (branch < 0) return mismatch(writer, reader, path);
    return intoBranch(writer, reader, branch, path, within);
  }
  if (writer.kind === "record" && reader.kind === "record") return resolveRecord(writer, reader, path, within);
  if (writer.kind === "array" && reader.kind === "array") {
    const item = resolveWithin(writer.items, reader.items, `${path}[]`, within);
    return { op: "array", item, itemBytesMin: bytesMin(writer.items), path };
  }
  if (writer.kind === "map" && reader.kind === "map") {
    const value = resolveWithin(writer.values, reader.values, `${path}{}`, within);
    return { op: "map", value, entryBytesMin: 1 + bytesMin(writer.values), path };
  }
  if (writer.kind === "enum" && reader.kind === "enum") return resolveEnum(writer, reader, path);
  if (isScalar(writer) && isScalar(reader)) return resolveScalar(writer, reader, path);
  return mismatch(writer, reader, path);
}

const RECORD_BYTES_MIN = new WeakMap<AvroRecord, number>();

/** The fewest bytes that a value of the type has. */
export function bytesMin(type: AvroType): number {
  switch (type.kind) {
    case "null":
      return 0;
    case "float":
      return 4;
    case "double":
      return 8;
    case "fixed":
      return type.size;
    case "record": {
      const known = RECORD_BYTES_MIN.get(type);
      if (known !== undefined) return known;
      // A record directly within itself never ends: any value will do.
      RECORD_BYTES_MIN.set(type, 1);
      const sum = type.fields.reduce((bytes, field) => bytes + bytesMin(field.type), 0);
      RECORD_BYTES_MIN.set(type, sum);
      return sum;
    }
    default:
      return 1;
  }
}

function intoBranch(writer: AvroType, into: AvroUnion, branch: number, path: string, within: Within): Plan {
  const { members } = unionShape(into);
  const member = members.find((m) => m.branch === branch);
  const inner = member && members.length > 1 ? below(path, member.name) : path;
  return { op: "member", into, branch, plan: resolveWithin(writer, into.branches[branch], inner, within) };
}

/** The first branch of the same type, else the first that the writer's type can be promoted to; -1: none. */
function matchingBranch(writer: AvroType, { branches }: AvroUnion): number {
  const same = branches.findIndex((type) => type.kind === writer.kind && fullName(type) === fullName(writer));
  if (same >= 0) return same;
  const alike = branches.findIndex((type) => type.kind === writer.kind && namesMatch(writer, type));
  if (alike >= 0) return alike;
  return branches.findIndex((type) => promotes(writer.kind, type.kind));
}

function resolveRecord(writer: AvroRecord, reader: AvroRecord, path: string, within: Within): Plan {
  const known = within.records?.get(writer)?.get(reader);
  if (known) return known;
  if (!namesMatch(writer, reader)) return mismatch(writer, reader, path);
  const columns = new Map<string, number>();
  for (const field of reader.fields) columns.set(field.name, hasColumn(field.type) ? count(columns) : -1);

  const sources = new Map<string, string>();
  for (const field of reader.fields) {
    const source = [field.name, ...field.aliases].find((name) => writer.fields.some((w) => w.name === name));
    if (source === undefined) continue;
    const taken = [...sources].find(([, name]) => name === source);
    if (taken) {
      const what = `the reader's fields "${taken[0]}" and "${field.name}" both match "${source}" of the writer`;
      return { op: "refuse", reason: MISMATCH, what, path: below(path, field.name) };
    }
    sources.set(field.name, source);
  }

  for (const field of reader.fields) {
    if (sources.has(field.name) || field.fallback !== undefined) continue;
    const what = `the writer schema does not have the field, and the reader schema has no default for it`;
    return { op: "refuse", reason: MISMATCH, what, path: below(path, field.name) };
  }

  const parts: Part[] = [];
  const plan: Plan = { op: "record", parts, path };
  within.records?.set(writer, (within.records.get(writer) ?? new Map()).set(reader, plan));
  for (const field of writer.fields) {
    const target = reader.fields.find((r) => sources.get(r.name) === field.name);
    if (!target) {
      parts.push({ skip: field.type, path: below(path, field.name) });
      continue;
    }
    const { name } = target;
    const part = resolveWithin(field.type, target.type, below(path, name), within);
    parts.push({ column: columns.get(name)!, name, plan: part });
  }
  for (const { name, type, fallback } of reader.fields) {
    if (sources.has(name)) continue;
    parts.push({ column: columns.get(name)!, name, plan: defaultPlan(type, fallback, below(path, name), within) });
  }
  return plan;
}

function count(columns: ReadonlyMap<string, number>): number {
  let most = -1;
  for (const column of columns.values()) if (column > most) most = column;
  return most + 1;
}

function defaultPlan(type: AvroType, fallback: unknown, path: string, within: Within): Plan {
  try {
    return { op: "default", bytes: encodeDefault(type, fallback, path), plan: resolveWithin(type, type, path, within) };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { op: "refuse", reason: error.details.reason, what: error.message, path };
  }
}

function resolveEnum(writer: AvroEnum, reader: AvroEnum, path: string): Plan {
  if (!namesMatch(writer, reader)) return mismatch(writer, reader, path);
  const known = new Set(reader.symbols);
  const symbols = writer.symbols.map((symbol) => known.has(symbol) ? symbol : reader.fallback ?? null);
  return { op: "enum", symbols, path };
}

function resolveScalar(writer: Scalar, reader: Scalar, path: string): Plan {
  if (writer.kind === "null" && reader.kind === "null") return { op: "nothing" };
  if (writer.kind === "fixed" || reader.kind === "fixed") {
    if (writer.kind !== "fixed" || reader.kind !== "fixed") return mismatch(writer, reader, path);
    if (writer.size !== reader.size || !namesMatch(writer, reader)) return mismatch(writer, reader, path);
  } else if (writer.kind !== reader.kind && !promotes(writer.kind, reader.kind)) {
    return mismatch(writer, reader, path);
  }
  if (!meaningsMatch(writer.logical, reader.logical)) return mismatch(writer, reader, path);
  return { op: "scalar", writer, reader, path };
}

function isScalar(type: AvroType): type is Scalar {
  return type.kind !== "record" && type.kind !== "array" && type.kind !== "map" && type.kind !== "union" &&
    type.kind !== "enum";
}

const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ["long", "float", "double"],
  long: ["float", "double"],
  float: ["double"],
  string: ["bytes"],
  bytes: ["string"],
};

function promotes(writer: string, reader: string): boolean {
  return Object.hasOwn(PROMOTIONS, writer) && PROMOTIONS[writer].includes(reader);
}

/** A date is not a time, and a decimal of another scale is another number; units of time are converted. */
function meaningsMatch(writer: Logical | undefined, reader: Logical | undefined): boolean {
  if (!writer || !reader) return true;
  if (writer.name === "decimal" && reader.name === "decimal") return writer.scale === reader.scale;
  return family(writer) === family(reader);
}

/** What a logical type measures. */
function family({ name }: Logical): string {
  if (name.includes("timestamp")) return "timestamp";
  return name.startsWith("time-") ? "time" : name;
}

function fullName(type: AvroType): string {
  return "name" in type ? type.name : "";
}

function namesMatch(writer: AvroType, reader: AvroType): boolean {
  if (!("name" in writer) || !("name" in reader)) return true;
  return shortName(writer.name) === shortName(reader.name) || reader.aliases.includes(writer.name);
}

const MISMATCH = "schema mismatch";

function mismatch(writer: AvroType, reader: AvroType, path: string): Plan {
  const what = `the writer schema has ${describe(writer)}, which cannot be read as ${describe(reader)}`;
  return { op: "refuse", reason: MISMATCH, what, path };
}

function describe(type: AvroType): string {
  if (type.kind === "union") return `a union of ${type.branches.map(describe).join(", ")}`;
  if (type.kind === "fixed") return `fixed "${type.name}" of ${type.size} bytes${meaning(type.logical)}`;
  if ("name" in type) return `${type.kind} "${type.name}"`;
  return "logical" in type ? `${type.kind}${meaning(type.logical)}` : type.kind;
}

function meaning(logical: Logical | undefined): string {
  if (!logical) return "";
  return logical.name === "decimal" ? ` (decimal(${logical.precision}, ${logical.scale}))` : ` (${logical.name})`;
}
