/**
 * Defaults of a reader schema: JSON to Avro's binary encoding, so that a default is decoded like any other value.
 *
 * @module
 */
import { DataError } from "../../mod.ts";
import type { AvroType } from "./schema.ts";

/** Encodes a default (Apache Avro 1.12, "field default values"); DataError "invalid default" where it does not fit. */
export function encodeDefault(type: AvroType, value: unknown, path: string): Uint8Array {
  const out: number[] = [];
  encode(type, value, path, out);
  return Uint8Array.from(out);
}

function encode(type: AvroType, value: unknown, path: string, out: number[]): void {
  const unfit = (): never => {
    const shown = JSON.stringify(value, (_key, part) => typeof part === "bigint" ? String(part) : part);
    throw new DataError(`Cannot use the default ${shown} of "${path}": it is not of type ${type.kind}`, {
      reason: "invalid default",
      fieldPath: path,
    });
  };
  switch (type.kind) {
    case "null":
      return value === null ? undefined : unfit();
    case "boolean":
      return typeof value === "boolean" ? void out.push(value ? 1 : 0) : unfit();
    case "int":
    case "long": {
      const whole = typeof value === "bigint" || Number.isSafeInteger(value)
        ? BigInt(value as number | bigint)
        : unfit();
      const fits = BigInt.asIntN(type.kind === "int" ? 32 : 64, whole) === whole;
      return fits ? long(whole, out) : unfit();
    }
    case "float":
    case "double": {
      const number = typeof value === "bigint" ? Number(value) : typeof value === "number" ? value : unfit();
      const bytes = type.kind === "float" ? new Float32Array([number]) : new Float64Array([number]);
      return void out.push(...new Uint8Array(bytes.buffer));
    }
    case "string":
      return typeof value === "string" ? sized(new TextEncoder().encode(value), out) : unfit();
    case "bytes":
    case "fixed": {
      // Code points 0 to 255 stand for bytes.
      if (typeof value !== "string") return unfit();
      const codes = Array.from(value, (char) => char.codePointAt(0)!);
      if (codes.some((code) => code > 0xff)) return unfit();
      const bytes = Uint8Array.from(codes);
      if (!("size" in type)) return sized(bytes, out);
      return bytes.length === type.size ? append(bytes, out) : unfit();
    }
    case "enum": {
      const index = type.symbols.indexOf(value as string);
      return index >= 0 ? long(BigInt(index), out) : unfit();
    }
    case "array": {
      if (!Array.isArray(value)) return unfit();
      if (value.length > 0) long(BigInt(value.length), out);
      for (const item of value) encode(type.items, item, `${path}[]`, out);
      return void out.push(0);
    }
    case "map": {
      if (!isObject(value)) return unfit();
      const entries = Object.entries(value);
      if (entries.length > 0) long(BigInt(entries.length), out);
      for (const [key, item] of entries) {
        sized(new TextEncoder().encode(key), out);
        encode(type.values, item, `${path}{}`, out);
      }
      return void out.push(0);
    }
    case "record": {
      if (!isObject(value)) return unfit();
      for (const field of type.fields) {
        const part = Object.hasOwn(value, field.name) ? value[field.name] : field.fallback;
        if (part === undefined) return unfit();
        encode(field.type, part, `${path}.${field.name}`, out);
      }
      return;
    }
    case "union":
      // "The first schema in the union that matches"; older writers of schemas mean the first one alone, which agrees.
      for (const [branch, inner] of type.branches.entries()) {
        const bytes = attempt(inner, value, path);
        if (!bytes) continue;
        long(BigInt(branch), out);
        return append(bytes, out);
      }
      return unfit();
  }
}

function attempt(type: AvroType, value: unknown, path: string): Uint8Array | null {
  try {
    return encodeDefault(type, value, path);
  } catch (error) {
    if (error instanceof DataError) return null;
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A zigzag varint. */
function long(value: bigint, out: number[]): void {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
}

function sized(bytes: Uint8Array, out: number[]): void {
  long(BigInt(bytes.length), out);
  append(bytes, out);
}

function append(bytes: Uint8Array, out: number[]): void {
  for (const byte of bytes) out.push(byte);
}
