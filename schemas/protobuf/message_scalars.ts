/**
 * Values without parts, for rules: exact, read and written in the wire format.
 *
 * @module
 */
import type { ByteWriter } from "../rules/byte_writer.ts";
import { ByteWriter as Bytes } from "../rules/byte_writer.ts";
import {
  booleanOf,
  doubleOf,
  floatOf,
  integerOf,
  shown,
  textOf,
  Unfit,
  type Value,
  type Written,
} from "../rules/values.ts";
import type { Cursor } from "./cursor.ts";
import type { ScalarKind } from "./proto.ts";
import type { Plain } from "./scalars.ts";

const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

/** What an unset field without presence is. */
export function defaultOf(type: Plain): Value {
  if (type.kind === "enum") return 0n;
  switch (type.scalar) {
    case "bool":
      return false;
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "float":
    case "double":
      return 0;
    default:
      return 0n;
  }
}

/** Reads a value behind its tag. */
export function readScalar(type: Plain, cursor: Cursor, path: string): Value {
  if (type.kind === "enum") return BigInt(cursor.int32(path));
  switch (type.scalar) {
    case "bool":
      cursor.varint(path);
      return (cursor.low | cursor.high) !== 0;
    case "string":
    case "bytes": {
      const length = cursor.length(path);
      const start = cursor.position, end = start + length;
      if (type.scalar === "string") cursor.checkUtf8(start, end, path);
      cursor.position = end;
      return type.scalar === "string" ? TEXT.decode(cursor.bytes.subarray(start, end)) : cursor.bytes.slice(start, end);
    }
    case "float":
      return cursor.view.getFloat32(cursor.take(4, path), true);
    case "double":
      return cursor.view.getFloat64(cursor.take(8, path), true);
    case "sint32": {
      const bits = cursor.uint32(path);
      return BigInt((bits >>> 1) ^ -(bits & 1));
    }
    case "int32":
      return BigInt(cursor.int32(path));
    case "uint32":
      return BigInt(cursor.uint32(path) >>> 0);
    case "fixed32":
      return BigInt(cursor.view.getUint32(cursor.take(4, path), true));
    case "sfixed32":
      return BigInt(cursor.view.getInt32(cursor.take(4, path), true));
    case "fixed64":
      return cursor.view.getBigUint64(cursor.take(8, path), true);
    case "sfixed64":
      return cursor.view.getBigInt64(cursor.take(8, path), true);
    default:
      cursor.varint(path);
      if (type.scalar === "sint64") cursor.unzigzag();
      return wide(cursor, type.scalar !== "uint64");
  }
}

function wide({ low, high }: Cursor, isSigned: boolean): bigint {
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return isSigned ? BigInt.asIntN(64, bits) : bits;
}

const RANGES: Partial<Record<ScalarKind | "enum", readonly [bigint, bigint]>> = {
  uint32: [0n, 2n ** 32n - 1n],
  fixed32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  fixed64: [0n, 2n ** 64n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sint64: [-(2n ** 63n), 2n ** 63n - 1n],
  sfixed64: [-(2n ** 63n), 2n ** 63n - 1n],
};
const INT32 = [-(2n ** 31n), 2n ** 31n - 1n] as const;

/** Writes a value behind its tag, or something like one. */
export function writeScalar(out: ByteWriter, type: Plain, given: unknown, from: Written, path: string): void {
  const scalar = type.kind === "enum" ? "enum" : type.scalar;
  const value = from === "json" ? fromJson(scalar, given) : given;
  switch (scalar) {
    case "bool":
      return out.byte(booleanOf(value, path) ? 1 : 0);
    case "string":
    case "bytes": {
      if (scalar === "bytes" && !(value instanceof Uint8Array)) {
        throw new Unfit(path, `is ${shown(value)}, expected bytes`);
      }
      const bytes = value instanceof Uint8Array && scalar === "bytes" ? value : Bytes.utf8(textOf(value, path));
      out.varint(BigInt(bytes.length));
      return out.bytes(bytes);
    }
    case "float":
      return out.float(floatOf(value, path));
    case "double":
      return out.double(doubleOf(value, path));
    case "enum": {
      const named = type.kind === "enum" && typeof value === "string"
        ? [...type.names].find(([, name]) => name === value)?.[0]
        : undefined;
      return out.varint(BigInt.asUintN(64, integerOf(named ?? value, ...INT32, path)));
    }
    default: {
      const integer = integerOf(value, ...(RANGES[scalar] ?? INT32), path);
      if (scalar.startsWith("sint")) return out.zigzag(integer);
      if (scalar.endsWith("fixed32")) return out.fixed32(integer);
      if (scalar.endsWith("fixed64")) return out.fixed64(integer);
      return out.varint(BigInt.asUintN(64, integer));
    }
  }
}

/** JSON has text for bytes, 64 bit integers, and the floats that it lacks. */
function fromJson(scalar: ScalarKind | "enum", value: unknown): unknown {
  if (typeof value !== "string" || scalar === "string") return value;
  if (scalar === "bool") return value === "true" ? true : value === "false" ? false : value;
  if (scalar === "bytes") return base64(value) ?? value;
  if (scalar === "float" || scalar === "double") return /^(NaN|-?Infinity)$/.test(value) ? Number(value) : value;
  return /^-?\d{1,20}$/.test(value) ? BigInt(value) : value;
}

function base64(text: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
