/**
 * What the commands about dead letters print: tables, places, times, bytes.
 *
 * @module
 */
import type { Letter, Place } from "../../dlq/letter.ts";
import { printable, STEERING } from "../printable.ts";

/** Columns below their headings; numbers stand to the right. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = headings.map((heading, i) =>
    rows.reduce((width, row) => Math.max(width, String(row[i]).length), heading.length)
  );
  const line = (cells: readonly (string | number)[]) =>
    cells.map((cell, i) => typeof cell === "number" ? String(cell).padStart(widths[i]) : cell.padEnd(widths[i]))
      .join("  ").trimEnd();
  return [line(headings), ...rows.map(line)].join("\n");
}

/** Prints what commands print, without what would steer a terminal: wherever in it that is from. */
export function print(text: string): void {
  console.log(printable(text));
}

/** Prints JSON, which may hold anybody's text too: what would steer a terminal is escaped. */
export function printJson(json: string): void {
  console.log(json.replace(STEERING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`));
}

/** A word of a command that can be copied into a shell, whatever it holds. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `orders-0@17` */
export function placeText({ topic, partition, offset }: Place): string {
  return `${topic}-${partition}@${offset}`;
}

/** Where a letter's record came from. */
export function originText({ origin }: Pick<Letter, "origin">): string {
  return origin ? placeText(origin) : "unknown";
}

/** ISO 8601; the number where it is no time of a calendar. */
export function timeText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

/** On one line, cut. */
export function oneLine(text: string, max: number): string {
  const line = printable(text).replace(/\s+/g, " ").trim();
  return line.length <= max ? line : `${line.slice(0, max - 3)}...`;
}

/** 1536 -> "1.5 KiB" */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [size, unit] = [bytes, 0];
  while (size >= 1024 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** Bytes in a line of a dump. */
const LINE = 16;
/** Shown of long ones: this much at the beginning, and around the mark. */
const HEAD_BYTES = 128;
const AROUND_BYTES = 128;

/** Bytes as hex with their text beside it; the one at `mark` has a sign below it. Long ones are cut. */
export function hexDump(bytes: Uint8Array, mark: number | null): string {
  const marked = mark !== null && mark >= 0 && mark <= bytes.length ? mark : null;
  const lines: string[] = [];
  let cut = false;
  // The mark may be behind the last byte: something was expected there.
  const places = bytes.length + (marked === bytes.length ? 1 : 0);
  for (let start = 0; start < places; start += LINE) {
    const isNear = marked !== null && start > marked - AROUND_BYTES - LINE && start <= marked + AROUND_BYTES;
    if (start >= HEAD_BYTES && !isNear) {
      if (!cut) lines.push("...");
      cut = true;
      continue;
    }
    cut = false;
    const part = bytes.subarray(start, start + LINE);
    const hex = Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(LINE * 3 - 1);
    const text = Array.from(part, (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".").join("");
    const at = start.toString(16).padStart(8, "0");
    lines.push(`${at}  ${hex}  |${text}|`);
    if (marked !== null && marked >= start && marked < start + LINE) {
      lines.push(
        `${" ".repeat(10 + (marked - start) * 3)}^^ byte ${marked}${marked === bytes.length ? ": the end" : ""}`,
      );
    }
  }
  return bytes.length === 0 ? "(0 bytes)" : lines.join("\n");
}

/** Bytes as text where they are text, else null. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // deno-lint-ignore no-control-regex -- what has them is no text
    return /[\u0000-\u0008\u000e-\u001f]/.test(text) ? null : text;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
