/**
 * Steps that pass a value of the writer that nobody reads. It is checked as far as its length goes; recursive types can
 * be skipped, though no column can hold them.
 *
 * @module
 */
import type { Cursor } from "./cursor.ts";
import { bytesMin } from "./resolve.ts";
import type { Step } from "./scalars.ts";
import type { AvroRecord, AvroType } from "./schema.ts";
import { checkUtf8 } from "./scalars.ts";

/** The step that passes a value of the type. */
export function skipStep(type: AvroType, path: string, records = new Map<AvroRecord, Step>()): Step {
  switch (type.kind) {
    case "null":
      return () => {};
    case "boolean":
      return (cursor) => void cursor.boolean(path);
    case "int":
      return (cursor) => void cursor.int(path);
    case "long":
      return (cursor) => cursor.long(path);
    case "float":
      return (cursor) => void cursor.take(4, path);
    case "double":
      return (cursor) => void cursor.take(8, path);
    case "fixed":
      return (cursor) => void cursor.take(type.size, path);
    case "bytes":
      return (cursor) => void cursor.length(path);
    case "string":
      return (cursor) => skipString(cursor, path);
    case "enum":
      return (cursor) => void cursor.index(type.symbols.length, "bad enum index", path);
    case "union": {
      const branches = type.branches.map((branch) => skipStep(branch, path, records));
      return (cursor) => branches[cursor.index(branches.length, "bad union index", path)](cursor);
    }
    case "array":
      return skipBlocks(skipStep(type.items, path, records), bytesMin(type.items), path);
    case "map": {
      const value = skipStep(type.values, path, records);
      const entry: Step = (cursor) => {
        skipString(cursor, path);
        value(cursor);
      };
      return skipBlocks(entry, 1 + bytesMin(type.values), path);
    }
    case "record":
      return skipRecord(type, path, records);
  }
}

function skipString(cursor: Cursor, path: string): void {
  const length = cursor.length(path);
  checkUtf8(cursor, cursor.position - length, cursor.position, path);
}

function skipBlocks(item: Step, itemBytesMin: number, path: string): Step {
  return (cursor) => {
    for (let count = cursor.block(itemBytesMin, path); count > 0; count = cursor.block(itemBytesMin, path)) {
      const { blockEnd } = cursor;
      for (let i = 0; i < count; i++) item(cursor);
      cursor.closeBlock(blockEnd, path);
    }
  };
}

/** One step for a record type however often it occurs, so that a recursive one ends. */
function skipRecord(type: AvroRecord, path: string, records: Map<AvroRecord, Step>): Step {
  const known = records.get(type);
  if (known) return known;
  const fields: Step[] = [];
  const step: Step = (cursor) => {
    cursor.enter(path);
    for (const field of fields) field(cursor);
    cursor.leave();
  };
  records.set(type, step);
  for (const field of type.fields) fields.push(skipStep(field.type, path, records));
  return step;
}
