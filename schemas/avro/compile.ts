/**
 * A plan and its columns as a step: closures that read from the cursor and append, made once for each schema.
 *
 * @module
 */
import type { BytesColumn, Column, ListColumn, StructColumn } from "../../mod.ts";
import { Cursor } from "./cursor.ts";
import { compileText } from "./json_text.ts";
import type { Part, Plan } from "./resolve.ts";
import { checkUtf8, scalarStep, type Step } from "./scalars.ts";
import { skipStep } from "./skip.ts";
import { type MappingOptions, unionShape } from "./types.ts";

/** The step that appends one entry to `column` (null: the type has no column). */
export function compile(plan: Plan, column: Column | null, options: MappingOptions): Step {
  switch (plan.op) {
    case "nothing":
      return () => {};
    case "refuse": {
      const { reason, what, path } = plan;
      return (cursor) => cursor.fail(reason, what, path);
    }
    case "scalar":
      return scalarStep(plan.writer, plan.reader, column!, plan.path, options);
    case "enum":
      return enumStep(plan.symbols, column as BytesColumn, plan.path);
    case "record": {
      const target = column as StructColumn;
      const steps = plan.parts.map((part) => partStep(part, target, options));
      return (cursor) => {
        for (let i = 0; i < steps.length; i++) steps[i](cursor);
        target.close();
      };
    }
    case "array": {
      const target = column as ListColumn;
      const item = compile(plan.item, target.child, options);
      return blocksStep(item, plan.itemBytesMin, target, plan.path);
    }
    case "map": {
      const target = column as ListColumn;
      return blocksStep(
        entryStep(plan.value, target.child as StructColumn, plan.path, options),
        plan.entryBytesMin,
        target,
        plan.path,
      );
    }
    case "choose": {
      const branches = plan.branches.map((branch) => compile(branch, column, options));
      const { path } = plan;
      return (cursor) => branches[cursor.index(branches.length, "bad union index", path)](cursor);
    }
    case "member":
      return memberStep(plan, column, options);
    case "default": {
      const inner = compile(plan.plan, column, options);
      const source = new Cursor();
      const { bytes } = plan;
      return () => {
        source.set(bytes, 0, bytes.length);
        inner(source);
      };
    }
    case "json":
      return jsonStep(plan.plan, column as BytesColumn | null, options);
  }
}

/** A field of a record, into its own child. */
function partStep(part: Part, target: StructColumn, options: MappingOptions): Step {
  if ("skip" in part) return skipStep(part.skip, part.path);
  return compile(part.plan, part.column < 0 ? null : target.children[part.column], options);
}

function enumStep(symbols: readonly (string | null)[], target: BytesColumn, path: string): Step {
  const texts = symbols.map((symbol) => symbol === null ? null : new TextEncoder().encode(symbol));
  return (cursor) => {
    const start = cursor.position;
    const index = cursor.index(texts.length, "bad enum index", path);
    const text = texts[index];
    if (text !== null) return target.append(text);
    cursor.fail("schema mismatch", "the reader's enum has neither the writer's symbol nor a default", path, start);
  };
}

function blocksStep(item: Step, itemBytesMin: number, target: ListColumn, path: string): Step {
  return (cursor) => {
    for (let count = cursor.block(itemBytesMin, path); count > 0; count = cursor.block(itemBytesMin, path)) {
      const { blockEnd } = cursor;
      for (let i = 0; i < count; i++) item(cursor);
      cursor.closeBlock(blockEnd, path);
    }
    target.close();
  };
}

/** A null is a null of the column, not the text `null`. */
function jsonStep(plan: Plan, target: BytesColumn | null, options: MappingOptions): Step {
  const text = compileText(plan, options);
  if (target === null) return (cursor) => void text(cursor, 0);
  return (cursor) => {
    const json = text(cursor, 0);
    if (json === "null") target.appendNull();
    else target.appendString(json);
  };
}

function entryStep(value: Plan, target: StructColumn, path: string, options: MappingOptions): Step {
  const keys = target.children[0] as BytesColumn;
  const values = compile(value, target.children[1], options);
  return (cursor) => {
    const length = cursor.length(path);
    const end = cursor.position;
    checkUtf8(cursor, end - length, end, path);
    keys.append(cursor.bytes, end - length, end);
    values(cursor);
    target.close();
  };
}

function memberStep(plan: Plan & { op: "member" }, column: Column | null, options: MappingOptions): Step {
  const { members } = unionShape(plan.into);
  const at = members.findIndex((member) => member.branch === plan.branch);
  if (at < 0) {
    // The null branch: the value reads no bytes.
    return column === null ? () => {} : () => column.appendNull();
  }
  if (members.length === 1) return compile(plan.plan, column, options);
  const target = column as StructColumn;
  const inner = compile(plan.plan, target.children[at], options);
  const others = target.children.filter((_, i) => i !== at);
  return (cursor) => {
    inner(cursor);
    for (const other of others) other.appendNull();
    target.close();
  };
}
