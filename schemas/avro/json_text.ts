/**
 * Values as JSON text instead of columns: steps that read a value and return its text, by the rules of `jsonText`.
 * Recursive types too, up to `jsonText.DEPTH_MAX` levels.
 *
 * A union of null and X is X or null; another union is an object with one member, named like the column of that branch
 * would be: `{"long":5}`.
 *
 * @module
 */
import { createColumn, jsonText } from "../../mod.ts";
import { Cursor } from "./cursor.ts";
import type { Plan, Scalar } from "./resolve.ts";
import { checkUtf8, scalarStep, wholeNumber } from "./scalars.ts";
import { skipStep } from "./skip.ts";
import { type MappingOptions, scalarColumn, unionShape } from "./types.ts";

/** Reads a value within `depth` arrays and objects and returns its text, or throws `Malformed`. */
export type TextStep = (cursor: Cursor, depth: number) => string;

/** The step of a plan. */
export function compileText(plan: Plan, options: MappingOptions, records = new Map<Plan, TextStep>()): TextStep {
  const inner = (part: Plan) => compileText(part, options, records);
  switch (plan.op) {
    case "nothing":
      return () => "null";
    case "refuse": {
      const { reason, what, path } = plan;
      return (cursor) => cursor.fail(reason, what, path);
    }
    case "scalar":
      return scalarText(plan.writer, plan.reader, plan.path, options);
    case "enum": {
      const { path } = plan;
      const texts = plan.symbols.map((symbol) => symbol === null ? null : jsonText.string(symbol));
      return (cursor) => {
        const start = cursor.position;
        const text = texts[cursor.index(texts.length, "bad enum index", path)];
        if (text !== null) return text;
        return cursor.fail(
          "schema mismatch",
          "the reader's enum has neither the writer's symbol nor a default",
          path,
          start,
        );
      };
    }
    case "record":
      return recordText(plan, inner, records);
    case "array": {
      const blocks = blocksText(inner(plan.item), plan.itemBytesMin, plan.path);
      return (cursor, depth) => `[${blocks(cursor, depth)}]`;
    }
    case "map": {
      const { path } = plan;
      const value = inner(plan.value);
      const entry: TextStep = (cursor, depth) => `${stringText(cursor, path)}:${value(cursor, depth)}`;
      const blocks = blocksText(entry, plan.entryBytesMin, path);
      return (cursor, depth) => `{${blocks(cursor, depth)}}`;
    }
    case "choose": {
      const branches = plan.branches.map(inner);
      const { path } = plan;
      return (cursor, depth) => branches[cursor.index(branches.length, "bad union index", path)](cursor, depth);
    }
    case "member": {
      const { members } = unionShape(plan.into);
      const member = members.find(({ branch }) => branch === plan.branch);
      const value = inner(plan.plan);
      if (!member || members.length === 1) return value;
      const name = jsonText.string(member.name);
      return (cursor, depth) => `{${name}:${value(cursor, depth + 1)}}`;
    }
    case "default": {
      const value = inner(plan.plan);
      const { bytes } = plan;
      return (_cursor, depth) => {
        // Of its own: a default of a recursive type may hold another default.
        const source = new Cursor();
        source.set(bytes, 0, bytes.length);
        return value(source, depth);
      };
    }
    case "json":
      return inner(plan.plan);
  }
}

function checkDepth(cursor: Cursor, depth: number, path: string): void {
  if (depth <= jsonText.DEPTH_MAX) return;
  const what = `the value has more than ${jsonText.DEPTH_MAX} levels, which is the most for JSON text`;
  cursor.fail("nested too deeply", what, path);
}

/** One step for a plan however often it occurs: a recursive type's plan is a graph. */
function recordText(
  plan: Plan & { op: "record" },
  inner: (part: Plan) => TextStep,
  records: Map<Plan, TextStep>,
): TextStep {
  const known = records.get(plan);
  if (known) return known;
  const steps: TextStep[] = [];
  const step: TextStep = (cursor, depth) => {
    checkDepth(cursor, depth + 1, plan.path);
    let members = "";
    for (let i = 0; i < steps.length; i++) {
      const member = steps[i](cursor, depth + 1);
      if (member !== "") members += members === "" ? member : `,${member}`;
    }
    return `{${members}}`;
  };
  records.set(plan, step);
  for (const part of plan.parts) {
    if ("skip" in part) {
      const skip = skipStep(part.skip, part.path);
      steps.push((cursor) => {
        skip(cursor);
        return "";
      });
    } else {
      const name = jsonText.string(part.name);
      const value = inner(part.plan);
      steps.push((cursor, depth) => `${name}:${value(cursor, depth)}`);
    }
  }
  return step;
}

function blocksText(item: TextStep, itemBytesMin: number, path: string): TextStep {
  return (cursor, depth) => {
    checkDepth(cursor, depth + 1, path);
    let items = "";
    for (let count = cursor.block(itemBytesMin, path); count > 0; count = cursor.block(itemBytesMin, path)) {
      const { blockEnd } = cursor;
      for (let i = 0; i < count; i++) {
        const text = item(cursor, depth + 1);
        items += items === "" ? text : `,${text}`;
      }
      cursor.closeBlock(blockEnd, path);
    }
    return items;
  };
}

const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

function stringText(cursor: Cursor, path: string): string {
  const length = cursor.length(path);
  const end = cursor.position;
  checkUtf8(cursor, end - length, end, path);
  return jsonText.string(TEXT.decode(cursor.bytes.subarray(end - length, end)));
}

function scalarText(writer: Scalar, reader: Scalar, path: string, options: MappingOptions): TextStep {
  const { logical } = reader;
  if (logical?.name === "decimal") return decimalText(writer, logical, path);
  if (reader.kind === "string") return (cursor) => stringText(cursor, path);
  // What the column would hold, by the very step that fills it.
  const column = createColumn(scalarColumn(reader, path, options));
  const step = scalarStep(writer, reader, column, path, options);
  return (cursor) => {
    try {
      step(cursor);
      return jsonText.ofColumn(column.finish(), 0);
    } finally {
      column.truncate(0);
    }
  };
}

/** Of any precision: 38 digits are what columns can hold. */
function decimalText(
  writer: Scalar,
  { precision, scale }: { precision: number; scale: number },
  path: string,
): TextStep {
  const size = writer.kind === "fixed" ? writer.size : -1;
  const bound = 10n ** BigInt(precision);
  const bytesMax = Math.ceil(precision * Math.log2(10) / 8) + 1;
  return (cursor) => {
    const length = size >= 0 ? size : cursor.length(path);
    if (size >= 0) cursor.take(size, path);
    const end = cursor.position;
    if (length === 0) cursor.fail("bad decimal", "it has no bytes, expected at least 1", path);
    const value = wholeNumber(cursor.bytes, end - length, end, bytesMax);
    if (value >= bound || value <= -bound) {
      cursor.fail("decimal out of precision", `it has more than ${precision} digits`, path, end - length);
    }
    return jsonText.decimal(value, scale);
  };
}
