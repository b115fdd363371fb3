/**
 * Code that reads one value behind its tag: scalars, enums, and messages that mean a value.
 *
 * @module
 */
import type { Column } from "../../mod.ts";
import type { ColumnCode, Place } from "../column_code.ts";
import { longCode, smallCode, UNZIGZAG } from "../varint_code.ts";
import type { ProtoEnum } from "./proto.ts";
import type { Plain } from "./scalars.ts";
import { DURATION_MAX, SECONDS_END, SECONDS_MIN } from "./well_known.ts";

/** What code is written within. */
export interface Within {
  readonly code: ColumnCode;
  /** The statement that leaves the payload to the reference. */
  readonly giveUp: string;
  /** The variable that holds the end of the message. */
  readonly end: string;
}

/** Enum values up to here are looked up in a table. */
const TABLE_MAX = 1_023;

/** Reads a value of a type without parts to an entry of `column`. */
export function plainCode(type: Plain, column: Column, place: Place, { code, giveUp, end }: Within): string {
  const int32 = `${longCode(giveUp)} if (hi !== 0 && (hi !== -1 || lo >= 0)) ${giveUp};`;
  const uint32 = `${longCode(giveUp)} if (hi !== 0) ${giveUp};`;
  const fixed64 = "lo = D.getInt32(p, true); hi = D.getInt32(p + 4, true); p += 8;";
  if (type.kind === "enum") return `${int32} ${enumCode(type, column, place, code, giveUp)}`;
  switch (type.scalar) {
    case "bool":
      return `${longCode(giveUp)} ${code.bit(column, place, "((lo | hi) !== 0 ? 1 : 0)")}`;
    case "string":
    case "bytes":
      return `{ ${lengthCode(giveUp, end)} ${code.bytes(column, place, type.scalar === "string", giveUp)} }`;
    case "float":
      return `${code.number(column, place, "D.getFloat32(p, true)")} p += 4;`;
    case "double":
      return `${code.number(column, place, "D.getFloat64(p, true)")} p += 8;`;
    case "int32":
      return `${int32} ${code.number(column, place, "lo")}`;
    case "sint32":
      return `${uint32} ${code.number(column, place, "(lo >>> 1) ^ -(lo & 1)")}`;
    case "sfixed32":
      return `${code.number(column, place, "D.getInt32(p, true)")} p += 4;`;
    case "uint32":
      return `${uint32} ${code.words(column, place, "lo", "0")}`;
    case "fixed32":
      return `${code.words(column, place, "D.getInt32(p, true)", "0")} p += 4;`;
    case "int64":
      return `${longCode(giveUp)} ${code.words(column, place, "lo", "hi")}`;
    case "sint64":
      return `${longCode(giveUp)} ${UNZIGZAG} ${code.words(column, place, "lo", "hi")}`;
    case "uint64":
      return `${longCode(giveUp)} ${code.words(column, place, "lo", "hi", false)}`;
    case "fixed64":
      return `${fixed64} ${code.words(column, place, "lo", "hi", false)}`;
    case "sfixed64":
      return `${fixed64} ${code.words(column, place, "lo", "hi")}`;
  }
}

/** The value `lo` of an enum; one without a name is for the reference. */
function enumCode({ names }: ProtoEnum, column: Column, place: Place, code: ColumnCode, giveUp: string): string {
  const numbers = [...names.keys()];
  const isDense = numbers.every((number) => number >= 0 && number <= TABLE_MAX);
  const texts = new Map([...names].map(([number, name]) => [number, new TextEncoder().encode(name)]));
  const known = code.constant(isDense ? tableOf(texts) : texts);
  const text = isDense
    ? `lo >= 0 && lo < ${known}.length ? ${known}[lo] : null`
    : `${known}.has(lo) ? ${known}.get(lo) : null`;
  return `{ const text = ${text}; if (text === null) ${giveUp}; ${code.text(column, place, "text")} }`;
}

function tableOf(texts: ReadonlyMap<number, Uint8Array>): (Uint8Array | null)[] {
  return Array.from({ length: Math.max(-1, ...texts.keys()) + 1 }, (_, number) => texts.get(number) ?? null);
}

/** What an unset field without presence means. */
export function defaultCode(type: Plain, column: Column, place: Place, code: ColumnCode): string {
  if (type.kind !== "enum") return code.zero(column, place);
  return code.text(column, place, code.constant(new TextEncoder().encode(type.names.get(0) ?? "0")));
}

/** Reads a length to a constant `n`, of bytes that are there. */
export function lengthCode(giveUp: string, end: string): string {
  return `${smallCode(giveUp)} const n = x; if (n > ${end} - p) ${giveUp};`;
}

/** Reads a Timestamp or Duration of the bytes up to `end`: see `MomentEntry`. */
export function momentCode(isDuration: boolean, column: Column, place: Place, { code, giveUp, end }: Within): string {
  const isValid = isDuration
    ? `seconds >= ${-DURATION_MAX} && seconds <= ${DURATION_MAX} && nanos > -1e9 && nanos < 1e9 && seconds * nanos >= 0`
    : `seconds >= ${SECONDS_MIN} && seconds < ${SECONDS_END} && nanos >= 0 && nanos < 1e9`;
  return `{ let seconds = 0, nanos = 0;
if (p < ${end} && B[p] === 8) { p++; ${longCode(giveUp)} seconds = hi * 4294967296 + (lo >>> 0); }
if (p < ${end} && B[p] === 16) { p++; ${longCode(giveUp)}
if (hi !== 0 && (hi !== -1 || lo >= 0)) ${giveUp};
nanos = lo; }
if (p !== ${end} || !(${isValid})) ${giveUp};
const scaled = seconds * 15625, high = Math.floor(scaled / 67108864);
const low = (scaled - high * 67108864) * 64 + Math.trunc(nanos / 1000), carry = Math.floor(low / 4294967296);
hi = high + carry | 0; lo = low - carry * 4294967296 | 0;
${code.words(column, place, "lo", "hi")} }`;
}
