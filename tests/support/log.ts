/**
 * A log for tests that keeps its lines.
 *
 * @module
 */
import type { Log, LogFields } from "../../runtime/api/log.ts";

/** A kept line. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** A log whose lines, those of its children too, are in `lines`. */
export interface CollectingLog extends Log {
  readonly lines: LogLine[];
}

/** Makes a log that keeps its lines and prints nothing. */
export function collectingLog(lines: LogLine[] = [], shared: LogFields = {}): CollectingLog {
  const at = (level: LogLine["level"]) => (message: string, fields: LogFields = {}) => {
    lines.push({ level, message, fields: { ...shared, ...fields } });
  };
  return {
    lines,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => collectingLog(lines, { ...shared, ...fields }),
  };
}
