/**
 * A writer's Avro schema as a report of its mapping tells it.
 *
 * @module
 */
import { known, LINES_MAX, type Note, toDecide, type WriterField } from "../mapping_notes.ts";
import { below } from "../rows.ts";
import { type AvroRecord, type AvroType, type Logical, shortName } from "./schema.ts";
import { hasColumn, unionShape } from "./types.ts";

/**
 * Every place of the schema in order; what is below a path of `jsonPaths` is left out. `text` is the schema's, for what
 * the types do not tell: annotations that have no effect.
 */
export function avroFields(type: AvroType, text: string, jsonPaths: ReadonlySet<string>): WriterField[] {
  const annotations = annotationsOf(JSON.parse(text));
  const out: WriterField[] = [];
  const within: AvroRecord[] = [];

  function visit(path: string, type: AvroType): void {
    if (out.length >= LINES_MAX) return;
    const isText = jsonPaths.has(path);
    const [note, decide] = (isText ? null : doubtOf(type, annotations.get(path)) ?? noteOf(type)) ?? [null, false];
    out.push({ path, writer: writerText(type), note, decide });
    if (!isText) parts(path, type);
  }

  function parts(path: string, type: AvroType): void {
    switch (type.kind) {
      case "union": {
        const { members } = unionShape(type);
        if (members.length === 1) return parts(path, type.branches[members[0].branch]);
        for (const { branch, name } of members) visit(below(path, name), type.branches[branch]);
        return;
      }
      case "array":
        return visit(`${path}[]`, type.items);
      case "map":
        return visit(`${path}{}`, type.values);
      case "record":
        if (within.includes(type)) return;
        within.push(type);
        for (const field of type.fields) visit(below(path, field.name), field.type);
        within.pop();
    }
  }

  if (type.kind === "record") parts("", type);
  else visit("value", type);
  return out;
}

function noteOf(type: AvroType): Note {
  if (!hasColumn(type)) return known("always null: no column");
  if (type.kind === "union") {
    const { members } = unionShape(type);
    if (members.length === 1) return noteOf(type.branches[members[0].branch]);
    const names = members.map(({ name }) => name).join(", ");
    return toDecide(`a union: a struct with a nullable member each (${names}); columns.json makes it JSON text`);
  }
  return "logical" in type && type.logical ? logicalNote(type.logical) : null;
}

function logicalNote({ name }: Logical): Note {
  switch (name) {
    case "time-millis":
      return known("ms of the day: Delta has no type for times");
    case "time-micros":
      return known("µs of the day: Delta has no type for times");
    case "timestamp-nanos":
    case "local-timestamp-nanos":
      return toDecide("nanoseconds, kept as a long; timestamp.nanos: truncate makes it a timestamp");
    case "local-timestamp-millis":
    case "local-timestamp-micros":
      return toDecide("a timestamp without a zone: the table needs reader 3, writer 7 and timestampNtz");
    case "duration":
      return known("months, days and ms, each a long");
    default:
      return null;
  }
}

/** As the schema says it, on one line. */
function writerText(type: AvroType): string {
  switch (type.kind) {
    case "union":
      return type.branches.map(writerText).join(" | ");
    case "record":
    case "enum":
      return `${type.kind} ${shortName(type.name)}`;
    case "array":
      return `array of ${writerText(type.items)}`;
    case "map":
      return `map of ${writerText(type.values)}`;
    default: {
      const plain = type.kind === "fixed" ? `fixed(${type.size})` : type.kind;
      if (!type.logical) return plain;
      const { logical } = type;
      return logical.name === "decimal" ? `decimal(${logical.precision},${logical.scale})` : logical.name;
    }
  }
}

/** What an annotation of a plain type or a fixed says. */
interface Annotation {
  readonly logicalType?: unknown;
  readonly scale?: unknown;
}

function doubtOf(type: AvroType, annotation: Annotation | undefined): Note {
  const inner = type.kind === "union" ? type.branches.find(({ kind }) => kind !== "null") : type;
  if (typeof annotation?.logicalType !== "string" || inner === undefined || inner.kind === "union") return null;
  const logical = "logical" in inner ? inner.logical : undefined;
  if (logical === undefined) {
    const { logicalType } = annotation;
    const why = logicalType === "decimal"
      ? "a decimal without a precision that fits"
      : `"${logicalType}" says nothing here`;
    return toDecide(`${why}: by the specification the logical type is ignored, it stays ${inner.kind}`);
  }
  if (logical.name !== "decimal" || annotation.scale !== undefined) return null;
  return toDecide("a decimal without a scale: by the specification that is 0");
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Annotations by path, of types that are written out where they are used. */
function annotationsOf(json: Json): Map<string, Annotation> {
  const found = new Map<string, Annotation>();
  const visit = (json: Json, path: string): void => {
    if (typeof json !== "object" || json === null) return;
    if (Array.isArray(json)) {
      const branches = json.filter((branch) => branch !== "null");
      for (const branch of branches) visit(branch, branches.length === 1 ? path : below(path, branchOf(branch)));
      return;
    }
    if (json.logicalType !== undefined) found.set(path, json);
    if (Array.isArray(json.fields)) {
      for (const field of json.fields as { name: string; type: Json }[]) visit(field.type, below(path, field.name));
    } else if (json.type === "array") visit(json.items, `${path}[]`);
    else if (json.type === "map") visit(json.values, `${path}{}`);
    else visit(json.type, path);
  };
  const isRecord = typeof json === "object" && json !== null && !Array.isArray(json) && Array.isArray(json.fields);
  visit(json, isRecord ? "" : "value");
  return found;
}

function branchOf(branch: Json): string {
  if (typeof branch !== "object" || branch === null || Array.isArray(branch)) return String(branch);
  return shortName(String(branch.name ?? branch.type));
}
