/**
 * Date patterns as Java's SimpleDateFormat writes them (`yyyy-MM-dd HH:mm:ss.SSSX`), in UTC where the text names no zone, with
 * names in English.
 *
 * | letters | what |
 * |---|---|
 * | `yyyy`; `y`, `yy` | a year; of two digits: the year within 80 years before and 20 after a given instant |
 * | `M`, `MM`; `MMM`, `MMMM` | a month's number; its name (`L` likewise). Either name is read |
 * | `d`, `D` | the day of the month, of the year |
 * | `H`, `k`, `h`, `K`, `a` | hours from 0 to 23, 1 to 24, 1 to 12, 0 to 11; AM or PM |
 * | `m`, `s`, `S` | minutes, seconds, digits of a second's fraction (where Java counts milliseconds) |
 * | `E`, `EEEE`, `u` | the day of the week, read over |
 * | `X`, `XX`, `XXX`, `Z`, `z` | a zone: `+01`, `+0100`, `+01:00`; `+0100`; `UTC`, `GMT+01:00`, `PST` |
 *
 * The whole text must fit, where Java takes what begins well, and there must be such a day and time, where Java counts on
 * (30 February). Numbers that touch others have as many digits as there are letters; others may be shorter.
 *
 * @module
 */
import { calendarOf, type CalendarTime, microsOf } from "../timestamp_text.ts";

/** A compiled pattern. */
export interface DatePattern {
  /**
   * Microseconds since 1970 UTC, or null where the text does not fit the pattern or names no instant. `nearMs`, in ms since
   * 1970, says which century a year of two digits is of; null: there is no such year.
   */
  parse(text: string, nearMs?: number | null): bigint | null;
  /** Null beyond the years that a calendar holds, and before the year 1. */
  format(micros: bigint): string | null;
}

/** What a text says, before it is known to be a day and a time. */
interface Parsed {
  year: number;
  hasShortYear: boolean;
  month: number;
  day: number;
  dayOfYear: number | null;
  hour: number;
  /** Of `h` and `K`: 0 to 11. */
  halfDayHour: number;
  isHalfDay: boolean;
  isPm: boolean;
  minute: number;
  second: number;
  micros: number;
  offsetMinutes: number;
}

interface Part {
  /** Whether it is digits, which touch those of the next one. */
  readonly isNumber: boolean;
  /** A regular expression, with one group where there is something to read. */
  source(touches: boolean): string;
  /** False: there is no such value. */
  read?(text: string, into: Parsed): boolean | void;
  write(time: CalendarTime): string;
}

/** Compiles a pattern; a text is what is wrong with it. */
export function compileDatePattern(pattern: string): DatePattern | string {
  const parts: Part[] = [];
  for (const [token] of pattern.matchAll(/''|'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'/g)) {
    const part = token === "'" ? null : partOf(token);
    if (part === null) {
      return `has "${token}", which is not among y M L d D H k h K a m s S E u X Z z and quoted text`;
    }
    parts.push(part);
  }
  const sources = parts.map((part, i) =>
    part.source(part.isNumber && [parts[i - 1], parts[i + 1]].some((next) => next?.isNumber === true))
  );
  const expression = new RegExp(`^${sources.join("")}$`);
  const readers = parts.flatMap(({ read }) => read ? [read] : []);
  return {
    parse(text, nearMs = null) {
      const match = expression.exec(text);
      if (!match) return null;
      const parsed = nothingParsed();
      return readers.every((read, i) => read(match[i + 1], parsed) !== false) ? instantOf(parsed, nearMs) : null;
    },
    format(micros) {
      const time = calendarOf(micros);
      return time && time.year > 0 ? parts.map((part) => part.write(time)).join("") : null;
    },
  };
}

function nothingParsed(): Parsed {
  return {
    year: 1970,
    hasShortYear: false,
    month: 1,
    day: 1,
    dayOfYear: null,
    hour: 0,
    halfDayHour: 0,
    isHalfDay: false,
    isPm: false,
    minute: 0,
    second: 0,
    micros: 0,
    offsetMinutes: 0,
  };
}

function instantOf(parsed: Parsed, nearMs: number | null): bigint | null {
  const { dayOfYear, isHalfDay, halfDayHour, isPm } = parsed;
  const hour = isHalfDay ? halfDayHour + (isPm ? 12 : 0) : parsed.hour;
  const inYear = (year: number): bigint | null => {
    if (dayOfYear === null) return microsOf({ ...parsed, year, hour });
    const start = microsOf({ ...parsed, year, month: 1, day: 1, hour });
    const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
    if (start === null || dayOfYear < 1 || dayOfYear > (isLeap ? 366 : 365)) return null;
    return start + BigInt(dayOfYear - 1) * 86_400_000_000n;
  };
  if (!parsed.hasShortYear) return inYear(parsed.year);
  const first = new Date(nearMs ?? NaN);
  first.setUTCFullYear(first.getUTCFullYear() - 80);
  if (Number.isNaN(first.getTime())) return null;
  const year = first.getUTCFullYear();
  const micros = inYear(year + ((parsed.year - year) % 100 + 100) % 100);
  // Of the first year and the hundredth after it: the one that lies within, as Java has it.
  return micros !== null && micros < BigInt(first.getTime()) * 1000n ? inYear(year + 100) : micros;
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** Letters of numbers: the most digits, the values that there are, and where they go. */
interface NumberField {
  readonly digits: number;
  readonly min: number;
  readonly max: number;
  read(value: number, into: Parsed): void;
  of(time: CalendarTime): number;
}

const NUMBERS: Readonly<Record<string, NumberField>> = {
  M: number(1, 12, (value, into) => into.month = value, ({ month }) => month),
  d: number(1, 31, (value, into) => into.day = value, ({ day }) => day),
  D: { ...number(1, 366, (value, into) => into.dayOfYear = value, dayOfYearOf), digits: 3 },
  H: number(0, 23, (value, into) => into.hour = value, ({ hour }) => hour),
  k: number(1, 24, (value, into) => into.hour = value % 24, ({ hour }) => hour || 24),
  h: number(1, 12, (value, into) => halfDay(value % 12, into), ({ hour }) => hour % 12 || 12),
  K: number(0, 11, halfDay, ({ hour }) => hour % 12),
  m: number(0, 59, (value, into) => into.minute = value, ({ minute }) => minute),
  s: number(0, 59, (value, into) => into.second = value, ({ second }) => second),
  u: { ...number(1, 7, () => {}, (time) => dayOfWeekOf(time) || 7), digits: 1 },
};

function number(min: number, max: number, read: NumberField["read"], of: NumberField["of"]): NumberField {
  return { digits: 2, min, max, read, of };
}

function halfDay(hour: number, into: Parsed): void {
  into.halfDayHour = hour;
  into.isHalfDay = true;
}

/** Java reads over blanks before a field. */
const BLANKS = "[ \\t]*";

function partOf(token: string): Part | null {
  const letter = token[0] === "L" ? "M" : token[0];
  const width = token.length;
  if (!/[A-Za-z]/.test(letter)) return literal(token);
  switch (letter) {
    case "y":
      return year(width);
    case "S":
      return width > 9 ? null : fraction(width);
    case "a":
      return named(["AM", "PM"], (i, into) => void (into.isPm = i === 1), ({ hour }) => hour < 12 ? "AM" : "PM");
    case "E":
      return named([...DAYS, ...DAYS.map(short)], () => {}, (time) => ofWidth(DAYS[dayOfWeekOf(time)], width));
    case "X":
    case "Z":
    case "z":
      return zone(letter, width);
  }
  if (letter === "M" && width > 2) {
    const read = (i: number, into: Parsed) => void (into.month = i % 12 + 1);
    return named([...MONTHS, ...MONTHS.map(short)], read, ({ month }) => ofWidth(MONTHS[month - 1], width));
  }
  const field = NUMBERS[letter];
  if (!field) return null;
  return {
    isNumber: true,
    source: (touches) => touches ? `(\\d{${width}})` : `${BLANKS}(\\d{1,${Math.max(width, field.digits)}})`,
    read(text, into) {
      const value = Number(text);
      field.read(value, into);
      return value >= field.min && value <= field.max;
    },
    write: (time) => String(field.of(time)).padStart(width, "0"),
  };
}

function year(width: number): Part {
  const isShort = width <= 2;
  return {
    isNumber: true,
    source: (touches) => touches ? `(\\d{${width}})` : `${BLANKS}(\\d{${isShort ? 1 : width},${Math.max(width, 6)}})`,
    read(text, into) {
      into.year = Number(text);
      into.hasShortYear = isShort && text.length === 2;
    },
    write: (time) => {
      const text = String(time.year).padStart(width, "0");
      return width === 2 ? text.slice(-2) : text;
    },
  };
}

function fraction(width: number): Part {
  return {
    isNumber: true,
    // One letter stands for however many digits there are: what JDBC writes is read by it.
    source: (touches) => width === 1 && !touches ? "(\\d{1,9})" : `(\\d{${width}})`,
    read: (text, into) => void (into.micros = Number(text.padEnd(6, "0").slice(0, 6))),
    write: ({ micros }) => String(micros).padStart(6, "0").padEnd(9, "0").slice(0, width),
  };
}

/** Names, read in any case; where one begins with another, the longer stands before it. */
function named(names: readonly string[], read: (index: number, into: Parsed) => void, write: Part["write"]): Part {
  const anyCase = (name: string) => name.replace(/[A-Za-z]/g, (c) => `[${c.toUpperCase()}${c.toLowerCase()}]`);
  return {
    isNumber: false,
    source: () => `${BLANKS}(${names.map(anyCase).join("|")})`,
    read: (text, into) => read(names.findIndex((name) => name.toLowerCase() === text.toLowerCase()), into),
    write,
  };
}

function short(name: string): string {
  return name.slice(0, 3);
}

function ofWidth(name: string, width: number): string {
  return width > 3 ? name : short(name);
}

function dayOfWeekOf(time: CalendarTime): number {
  return new Date(Date.UTC(2000, 0, 1) + daysFrom2000(time) * 86_400_000).getUTCDay();
}

function dayOfYearOf(time: CalendarTime): number {
  return daysFrom2000(time) - daysFrom2000({ ...time, month: 1, day: 1 }) + 1;
}

function daysFrom2000({ year, month, day }: CalendarTime): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return (date.getTime() - Date.UTC(2000, 0, 1)) / 86_400_000;
}

function literal(token: string): Part {
  const text = token === "''" ? "'" : token.startsWith("'") ? token.slice(1, -1).replaceAll("''", "'") : token;
  const source = text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  return { isNumber: false, source: () => source, write: () => text };
}

/** What RFC 822 names, in minutes east of UTC. */
const ZONES: Readonly<Record<string, number>> = {
  UTC: 0,
  GMT: 0,
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};

function zone(letter: "X" | "Z" | "z", width: number): Part | null {
  if (letter === "X" && width > 3) return null;
  const digits = letter === "X" && width === 1 ? "\\d\\d" : letter === "X" && width === 3 ? "\\d\\d:\\d\\d" : "\\d{4}";
  const names = letter === "X" ? "Z" : `(?:UTC|GMT)[+-]\\d\\d?:\\d\\d|${Object.keys(ZONES).join("|")}`;
  return {
    isNumber: false,
    source: () => `${BLANKS}(${names}|[+-]${digits})`,
    read(text, into) {
      const [, name, sign, hours, minutes = "0"] = /^([A-Z]*)(?:([+-])(\d\d?):?(\d\d)?)?$/.exec(text)!;
      const offset = Number(hours ?? 0) * 60 + Number(minutes);
      into.offsetMinutes = sign === undefined ? ZONES[name] ?? 0 : sign === "-" ? -offset : offset;
      return Number(minutes) < 60;
    },
    write: () => letter === "X" ? "Z" : letter === "Z" ? "+0000" : width > 3 ? "Coordinated Universal Time" : "UTC",
  };
}
