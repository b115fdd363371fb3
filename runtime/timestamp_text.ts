/**
 * Instants as ISO 8601 text, to the microsecond. Text without a zone is UTC.
 *
 * @module
 */

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:(Z)|([+-])(\d\d):?(\d\d))?)?$/;

/** Microseconds since 1970 UTC, or null where the text is no such instant; digits below a microsecond are cut. */
export function parseIsoMicros(text: string): bigint | null {
  const match = ISO.exec(text);
  if (!match) return null;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", , sign, zoneHour, zoneMinute] =
    match;
  const offsetMinutes = sign ? (sign === "-" ? -1 : 1) * (Number(zoneHour) * 60 + Number(zoneMinute)) : 0;
  return microsOf({
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    micros: Number(fraction.padEnd(6, "0").slice(0, 6)),
    offsetMinutes,
  });
}

/** A calendar's view of an instant; month and day count from 1. */
export interface CalendarTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly micros: number;
  /** Of the zone that the other fields are in, east of UTC. */
  readonly offsetMinutes: number;
}

/** Microseconds since 1970 UTC, or null where there is no such day or time. */
export function microsOf(time: CalendarTime): bigint | null {
  const { year, month, day, hour, minute, second, micros, offsetMinutes } = time;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  // A day or month out of range rolls over: what comes out is then another day than what went in.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  if (hour > 23 || minute > 59 || second > 59 || Math.abs(offsetMinutes) > 24 * 60) return null;
  date.setUTCHours(hour, minute - offsetMinutes, second);
  return BigInt(date.getTime()) * 1000n + BigInt(micros);
}

/** The UTC calendar's view of microseconds since 1970. Null beyond the years that a Date can hold. */
export function calendarOf(micros: bigint): CalendarTime | null {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((micros - rest) / 1000n));
  if (Number.isNaN(date.getTime())) return null;
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    micros: Number(rest),
    offsetMinutes: 0,
  };
}
