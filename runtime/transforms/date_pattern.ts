/**
 * Date patterns as Java writes them (`yyyy-MM-dd HH:mm:ss.SSSX`), always UTC where the text names no zone. The subset that
 * names an instant: y M d H m s S X Z and quoted text. Runs of S are digits of the fraction of a second.
 *
 * @module
 */
import { calendarOf, type CalendarTime, microsOf } from "../timestamp_text.ts";

/** A compiled pattern. */
export interface DatePattern {
  /** Microseconds since 1970 UTC, or null where the text does not fit the pattern or names no instant. */
  parse(text: string): bigint | null;
  /** Null beyond the years that a calendar holds. */
  format(micros: bigint): string | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Part {
  /** A group of the regular expression, or text to match. */
  readonly source: string;
  read?(text: string, time: Mutable<CalendarTime>): void;
  write(time: CalendarTime): string;
}

/** Compiles a pattern; a text is what is wrong with it. */
export function compileDatePattern(pattern: string): DatePattern | string {
  const parts: Part[] = [];
  for (const [token] of pattern.matchAll(/''|'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'/g)) {
    const part = token === "'" ? null : partOf(token);
    if (part === null) {
      return `has "${token}", which is not among y M d H m s S X Z and quoted text`;
    }
    parts.push(part);
  }
  const expression = new RegExp(`^${parts.map(({ source }) => source).join("")}$`);
  const readers = parts.flatMap(({ read }) => read ? [read] : []);
  return {
    parse(text) {
      const match = expression.exec(text);
      if (!match) return null;
      const time = { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, micros: 0, offsetMinutes: 0 };
      readers.forEach((read, i) => read(match[i + 1], time));
      return microsOf(time);
    },
    format(micros) {
      const time = calendarOf(micros);
      return time && parts.map((part) => part.write(time)).join("");
    },
  };
}

const NUMBERS: Readonly<Record<string, keyof CalendarTime>> = {
  y: "year",
  M: "month",
  d: "day",
  H: "hour",
  m: "minute",
  s: "second",
};

function partOf(token: string): Part | null {
  const [letter] = token;
  const width = token.length;
  if (!/[A-Za-z]/.test(letter)) return literal(token);
  if (letter === "S") {
    return width > 9 ? null : {
      source: `(\\d{${width}})`,
      read: (text, time) => time.micros = Number(text.padEnd(6, "0").slice(0, 6)),
      write: ({ micros }) => String(micros).padStart(6, "0").padEnd(9, "0").slice(0, width),
    };
  }
  if (letter === "X" || letter === "Z") return zone(letter, width);
  const name = NUMBERS[letter];
  // Names of months and years of two digits are read differently by everybody.
  if (!name || width > 2 && letter !== "y" || letter === "y" && width !== 4 && width !== 1) return null;
  return {
    source: width === 1 ? "(\\d+)" : `(\\d{${width}})`,
    read: (text, time) => time[name] = Number(text),
    write: (time) => String(time[name]).padStart(width, "0"),
  };
}

function literal(token: string): Part {
  const text = token === "''" ? "'" : token.startsWith("'") ? token.slice(1, -1).replaceAll("''", "'") : token;
  return { source: text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), write: () => text };
}

function zone(letter: string, width: number): Part | null {
  if (width > 3 || letter === "Z" && width > 1) return null;
  const digits = width === 1 && letter === "X" ? "\\d\\d" : width === 3 ? "\\d\\d:\\d\\d" : "\\d{4}";
  return {
    source: `(${letter === "X" ? "Z|" : ""}[+-]${digits})`,
    read: (text, time) => {
      if (text === "Z") return;
      const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(3).replace(":", "") || "0");
      time.offsetMinutes = text.startsWith("-") ? -minutes : minutes;
    },
    write: () => letter === "X" ? "Z" : "+0000",
  };
}
