/**
 * Bounds as statistics and the column index have them (Parquet format, `Statistics`, `ColumnOrder`).
 *
 * @module
 */
import type { SchemaElement } from "hyparquet";
import { type Bound, BOUND_BYTES_MAX, type Extent } from "./extent.ts";

/** A bound in PLAIN; `exact`: it is a value of the column, not one below or above all. */
export interface BoundBytes {
  readonly bytes: Uint8Array;
  readonly exact: boolean;
}

/** Longer strings are cut. */
const CUT_BYTES = 64;

/** Both bounds; null where there are no values, or none that have an order: some readers put NaN above all numbers. */
export function boundBytes(
  element: Omit<SchemaElement, "name">,
  { min, max, hasNaN }: Extent,
): { min: BoundBytes; max: BoundBytes } | null {
  if (min === null || max === null || hasNaN) return null;
  if (min instanceof Uint8Array) {
    const isText = element.converted_type === "UTF8";
    const above = cutAbove(max as Uint8Array, isText);
    return above && { min: cutBelow(min, isText), max: above };
  }
  // A zero is -0 as a minimum and +0 as a maximum: readers compare in either way.
  const numbers = isFloat(element);
  const low = numbers && min === 0 ? -0 : min, high = numbers && max === 0 ? 0 : max as Exclude<Bound, Uint8Array>;
  return { min: { bytes: plain(element, low), exact: true }, max: { bytes: plain(element, high), exact: true } };
}

function isFloat({ type }: Omit<SchemaElement, "name">): boolean {
  return type === "FLOAT" || type === "DOUBLE";
}

function plain({ type, type_length }: Omit<SchemaElement, "name">, bound: Exclude<Bound, Uint8Array>): Uint8Array {
  const bytes = new Uint8Array(type === "BOOLEAN" ? 1 : type === "FIXED_LEN_BYTE_ARRAY" ? type_length! : 8);
  const view = new DataView(bytes.buffer);
  switch (type) {
    case "BOOLEAN":
      bytes[0] = Number(bound);
      return bytes;
    case "INT32":
      view.setInt32(0, Number(bound), true);
      return bytes.subarray(0, 4);
    case "FLOAT":
      view.setFloat32(0, bound as number, true);
      return bytes.subarray(0, 4);
    case "DOUBLE":
      view.setFloat64(0, bound as number, true);
      return bytes;
    case "INT64":
      view.setBigInt64(0, bound as bigint, true);
      return bytes;
    default: {
      let rest = bound as bigint;
      for (let i = bytes.length - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
      return bytes;
    }
  }
}

/** A prefix is a lower bound. */
function cutBelow(bytes: Uint8Array, isText: boolean): BoundBytes {
  if (bytes.length <= CUT_BYTES) return { bytes, exact: true };
  return { bytes: prefix(bytes, isText), exact: false };
}

/** The smallest that is above all with a prefix; null where the prefix is the highest there is. */
function cutAbove(bytes: Uint8Array, isText: boolean): BoundBytes | null {
  if (bytes.length <= CUT_BYTES) return { bytes, exact: true };
  const above = (isText ? textAbove : bytesAbove)(prefix(bytes, isText));
  if (above !== null) return { bytes: above, exact: false };
  return bytes.length < BOUND_BYTES_MAX ? { bytes, exact: true } : null;
}

/** The first bytes, without a part of a character. */
function prefix(bytes: Uint8Array, isText: boolean): Uint8Array {
  let end = CUT_BYTES;
  if (isText) { while (end > CUT_BYTES - 4 && (bytes[end] & 0xc0) === 0x80) end--; }
  return bytes.slice(0, end);
}

function bytesAbove(bytes: Uint8Array): Uint8Array | null {
  for (let end = bytes.length; end > 0; end--) {
    if (bytes[end - 1] === 0xff) continue;
    const above = bytes.slice(0, end);
    above[end - 1]++;
    return above;
  }
  return null;
}

function textAbove(bytes: Uint8Array): Uint8Array | null {
  const characters = [...new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)];
  while (characters.length > 0) {
    const next = characters.pop()!.codePointAt(0)! + 1;
    if (next > 0x10ffff) continue;
    // Surrogates are no characters.
    characters.push(String.fromCodePoint(next === 0xd800 ? 0xe000 : next));
    return new TextEncoder().encode(characters.join(""));
  }
  return null;
}
