/**
 * A message as a report of its mapping tells it.
 *
 * @module
 */
import { known, LINES_MAX, type Note, toDecide, type WriterField } from "../mapping_notes.ts";
import { below } from "../rows.ts";
import type { ProtoField, ProtoMessage, ScalarKind } from "./proto.ts";
import { itemPath, shapeOf } from "./types.ts";

/** Every place of the message in order; what is below a path of `jsonPaths` is left out. */
export function protobufFields(message: ProtoMessage, jsonPaths: ReadonlySet<string>): WriterField[] {
  const out: WriterField[] = [];
  const within: ProtoMessage[] = [];

  function fields(message: ProtoMessage, path: string): void {
    if (within.includes(message)) return;
    within.push(message);
    for (const field of message.fields) visit(field, below(path, field.name));
    within.pop();
  }

  function visit(field: ProtoField, path: string): void {
    if (out.length >= LINES_MAX) return;
    const { label, type } = field;
    const isMany = label === "repeated" || label === "map";
    const inner = isMany ? itemPath(path, label) : path;
    const isText = jsonPaths.has(path) || jsonPaths.has(inner);
    const [note, decide] = (isText ? null : noteOf(field)) ?? [null, false];
    out.push({ path, writer: writerText(field), note, decide });
    if (!isText && type.kind === "message" && shapeOf(type, field).as === "struct") fields(type, inner);
  }

  fields(message, "");
  return out;
}

const UNSIGNED: readonly ScalarKind[] = ["uint64", "fixed64"];

function noteOf(field: ProtoField): Note {
  const { type, oneof, label, key } = field;
  if (type.kind === "scalar" && UNSIGNED.includes(type.scalar)) {
    return toDecide("unsigned 64 bit: a decimal, as a long ends at 2^63 - 1");
  }
  if (label === "map" && key !== "string") {
    const unsigned = UNSIGNED.includes(key!) ? " (unsigned: a decimal)" : "";
    return toDecide(`keys are ${key}${unsigned}: some readers know maps of strings alone; columns.json makes it text`);
  }
  if (type.kind === "message") {
    const { name } = type;
    const shape = shapeOf(type, field);
    if (name === "confluent.type.Decimal" && shape.as === "struct") {
      return toDecide("a decimal without precision and scale in its confluent.field_meta: a struct of its bytes");
    }
    if (shape.as === "json") return known(`${name.slice(name.lastIndexOf(".") + 1)}: JSON text`);
    if (shape.as === "duration") return known("µs");
    if (shape.as === "timestamp") return oneofNote(oneof) ?? null;
    if (shape.as === "presence") return known("a message without fields: true where it is set");
  }
  return oneofNote(oneof);
}

function oneofNote(oneof: string | null): Note {
  return oneof === null ? null : known(`of oneof ${oneof}: one of its columns is set at most`);
}

function writerText({ type, label, key, oneof }: ProtoField): string {
  const name = type.kind === "scalar" ? type.scalar : `${type.kind} ${type.name.slice(type.name.lastIndexOf(".") + 1)}`;
  if (label === "map") return `map<${key}, ${name}>`;
  return label === "implicit" || (label === "optional" && (type.kind === "message" || oneof !== null))
    ? name
    : `${label} ${name}`;
}
