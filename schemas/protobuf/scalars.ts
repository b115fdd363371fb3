/**
 * Values of one piece: from their encoding to a column.
 *
 * @module
 */
import type { BoolColumn, BytesColumn, Column, NumberColumn, WordsColumn } from "../../mod.ts";
import { type Cursor, FIXED32, FIXED64, SIZED, VARINT } from "./cursor.ts";
import type { ProtoEnum, ProtoScalar, ScalarKind } from "./proto.ts";

/** Reads one value and appends it to a column, or throws `Malformed`. */
export type Step = (cursor: Cursor) => void;

/** A type without parts. */
export type Plain = ProtoScalar | ProtoEnum;

/** The wire type of a value. */
export function wireOf(type: Plain): number {
  if (type.kind === "enum") return VARINT;
  switch (type.scalar) {
    case "double":
    case "fixed64":
    case "sfixed64":
      return FIXED64;
    case "float":
    case "fixed32":
    case "sfixed32":
      return FIXED32;
    case "string":
    case "bytes":
      return SIZED;
    default:
      return VARINT;
  }
}

/** Whether repeated values of the type may stand end to end behind one length. */
export const isPackable = (type: Plain): boolean => wireOf(type) !== SIZED;

/** The step that reads a value behind its tag and appends it. */
export function appendStep(type: Plain, column: Column, path: string): Step {
  return type.kind === "enum" ? enumStep(type, column as BytesColumn, path) : scalarStep(type.scalar, column, path);
}

function scalarStep(scalar: ScalarKind, column: Column, path: string): Step {
  switch (scalar) {
    case "bool": {
      const target = column as BoolColumn;
      return (cursor) => {
        cursor.varint(path);
        target.append((cursor.low | cursor.high) !== 0);
      };
    }
    case "string":
    case "bytes": {
      const target = column as BytesColumn;
      const isText = scalar === "string";
      return (cursor) => {
        const end = cursor.length(path) + cursor.position;
        if (isText) cursor.checkUtf8(cursor.position, end, path);
        target.append(cursor.bytes, cursor.position, end);
        cursor.position = end;
      };
    }
    case "float":
    case "double":
    case "int32":
    case "sint32":
    case "sfixed32":
      return numberStep(scalar, column as NumberColumn, path);
    default:
      return wordsStep(scalar, column as WordsColumn, path);
  }
}

function numberStep(scalar: ScalarKind, target: NumberColumn, path: string): Step {
  switch (scalar) {
    case "float":
      return (cursor) => target.append(cursor.view.getFloat32(cursor.take(4, path), true));
    case "double":
      return (cursor) => target.append(cursor.view.getFloat64(cursor.take(8, path), true));
    case "sint32":
      return (cursor) => {
        const bits = cursor.uint32(path);
        target.append((bits >>> 1) ^ -(bits & 1));
      };
    case "sfixed32":
      return (cursor) => target.append(cursor.view.getInt32(cursor.take(4, path), true));
    default:
      return (cursor) => target.append(cursor.int32(path));
  }
}

function wordsStep(scalar: ScalarKind, target: WordsColumn, path: string): Step {
  switch (scalar) {
    case "uint32":
      return (cursor) => target.appendParts(cursor.uint32(path), 0);
    case "fixed32":
      return (cursor) => target.appendParts(cursor.view.getInt32(cursor.take(4, path), true), 0);
    case "int64":
      return (cursor) => {
        cursor.varint(path);
        target.appendParts(cursor.low, cursor.high);
      };
    case "sint64":
      return (cursor) => {
        cursor.varint(path);
        cursor.unzigzag();
        target.appendParts(cursor.low, cursor.high);
      };
    case "uint64":
      return (cursor) => {
        cursor.varint(path);
        target.appendUnsigned(cursor.low, cursor.high);
      };
    case "fixed64":
      return (cursor) => {
        const at = cursor.take(8, path);
        target.appendUnsigned(cursor.view.getInt32(at, true), cursor.view.getInt32(at + 4, true));
      };
    default:
      return (cursor) => {
        const at = cursor.take(8, path);
        target.appendParts(cursor.view.getInt32(at, true), cursor.view.getInt32(at + 4, true));
      };
  }
}

/** A number that the schema does not name is kept in digits: an open enum may grow, and nothing is lost. */
function enumStep({ names }: ProtoEnum, target: BytesColumn, path: string): Step {
  const texts = new Map([...names].map(([number, name]) => [number, new TextEncoder().encode(name)]));
  return (cursor) => {
    const number = cursor.int32(path);
    const text = texts.get(number);
    if (text !== undefined) target.append(text);
    else target.appendString(String(number));
  };
}

/** Appends what an unset field without presence means. */
export function appendDefault(type: Plain, column: Column): () => void {
  if (type.kind === "enum") {
    const text = type.names.get(0) ?? "0";
    return () => (column as BytesColumn).appendString(text);
  }
  switch (type.scalar) {
    case "bool":
      return () => (column as BoolColumn).append(false);
    case "string":
    case "bytes": {
      const nothing = new Uint8Array(0);
      return () => (column as BytesColumn).append(nothing);
    }
    case "float":
    case "double":
    case "int32":
    case "sint32":
    case "sfixed32":
      return () => (column as NumberColumn).append(0);
    default:
      return () => (column as WordsColumn).appendParts(0, 0);
  }
}
