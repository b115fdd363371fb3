/**
 * Durations as table properties have them: `interval 1 week`, `interval 30 days 12 hours`, `168 hours`.
 *
 * @module
 */

const UNIT_MS: Readonly<Record<string, number>> = {
  microsecond: 0.001,
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
};

/** The ms of an interval, or null where it is none. Months and years have no fixed length and are none. */
export function parseIntervalMs(text: string): number | null {
  const parts = text.trim().toLowerCase().replace(/^interval\s+/, "").split(/\s+/);
  if (parts.length % 2 !== 0) return null;
  let ms = 0;
  for (let i = 0; i < parts.length; i += 2) {
    const unit = UNIT_MS[parts[i + 1].replace(/s$/, "")];
    if (unit === undefined || !/^-?\d+(\.\d+)?$/.test(parts[i])) return null;
    ms += Number(parts[i]) * unit;
  }
  return ms;
}
