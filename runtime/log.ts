/**
 * The log: a line for people or a JSON object for machines, to stderr or a file.
 *
 * @module
 */
import type { Clock, Log, LogFields } from "./api/mod.ts";
import { systemClock } from "./clock.ts";

/** From the most to the least talkative. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** How and where to log. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "json" | "text";
  /** A file to append to instead of stderr. Several threads may share it: every line is one write. */
  readonly file?: string | null;
  /** Takes the lines instead of stderr or the file. */
  readonly sink?: (line: string) => void;
  readonly clock?: Clock;
}

/** The name of the level that holds where nothing else was set. */
export const ROOT_LOGGER = "root";

/** Levels that can be changed while the log is written: the root's, and one for each name below `connector.`. */
export interface LogLevels {
  /** What was set, the root's always among it. */
  levels(): ReadonlyMap<
    string,
    { readonly level: LogLevel; /** Null: as configured. */ readonly setMs: number | null }
  >;
  /** `root` (for all: others are forgotten), or `connector.<name>`: for lines that carry this connector. */
  setLevel(name: string, level: LogLevel): void;
}

/** A log whose level can be changed while it runs, for its children too. */
export interface LiveLog extends Log, LogLevels {
  level: LogLevel;
  /** Closes the file. */
  close(): void;
}

/** The logger of a connector's lines. */
export function connectorLogger(connector: string): string {
  return `connector.${connector}`;
}

/** Makes a log. Throws where the file cannot be opened. */
export function createLog({ level, format, file = null, sink, clock = systemClock }: LogOptions): LiveLog {
  const output = sink ? { write: sink, close: () => {} } : file ? fileOutput(file) : stderrOutput();
  const render = format === "json" ? jsonLine : textLine;
  const root = { rank: LOG_LEVELS.indexOf(level), setMs: null as number | null };
  const named = new Map<string, { rank: number; setMs: number }>();
  const rankOf = (connector: LogFields[string]) =>
    (named.size === 0 || connector === undefined ? undefined : named.get(connectorLogger(String(connector)))?.rank) ??
      root.rank;
  const setLevel = (name: string, next: LogLevel) => {
    const rank = LOG_LEVELS.indexOf(next);
    if (name !== ROOT_LOGGER) return void named.set(name, { rank, setMs: clock.now() });
    named.clear();
    Object.assign(root, { rank, setMs: clock.now() });
  };
  const logWith = (shared: LogFields): Log => {
    const at = (lineLevel: LogLevel) => {
      const rank = LOG_LEVELS.indexOf(lineLevel);
      return (message: string, fields?: LogFields) => {
        if (rank < rankOf(fields?.connector ?? shared.connector)) return;
        output.write(render(clock.now(), lineLevel, message, fields ? { ...shared, ...fields } : shared));
      };
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => logWith({ ...shared, ...fields }),
    };
  };
  return {
    ...logWith({}),
    get level() {
      return LOG_LEVELS[root.rank];
    },
    set level(next: LogLevel) {
      setLevel(ROOT_LOGGER, next);
    },
    setLevel,
    levels: () =>
      new Map([[ROOT_LOGGER, root] as const, ...named].map(([name, { rank, setMs }]) => (
        [name, { level: LOG_LEVELS[rank], setMs }] as const
      ))),
    close: output.close,
  };
}

/** The fields that say where a line belongs come first. */
const PLACE = ["connector", "task", "topic", "partition", "offset", "offsets"];

function ordered(fields: LogFields): [string, string | number | bigint | boolean | null][] {
  const known = Object.entries(fields).filter((entry): entry is [string, NonNullable<typeof entry[1]>] => {
    return entry[1] !== undefined;
  });
  const rank = (name: string) => PLACE.includes(name) ? PLACE.indexOf(name) : PLACE.length;
  return known.sort(([a], [b]) => rank(a) - rank(b));
}

function jsonLine(nowMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const line: Record<string, string | number | boolean | null> = {
    time: new Date(nowMs).toISOString(),
    level,
    message,
  };
  for (const [name, value] of ordered(fields)) {
    // The line's own three fields are not to be hidden by others of that name.
    const key = name in line ? `${name}_` : name;
    // A bigint is a JSON number while a double holds it exactly, else text: no reader rounds it unseen.
    line[key] = typeof value !== "bigint" ? value : isSafe(value) ? Number(value) : String(value);
  }
  return JSON.stringify(line);
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

function textLine(nowMs: number, level: LogLevel, message: string, fields: LogFields): string {
  const head = `${new Date(nowMs).toISOString()} ${level.toUpperCase().padEnd(5)} ${oneLine(message)}`;
  const rest = ordered(fields).map(([name, value]) => `${name}=${textValue(value)}`);
  return rest.length === 0 ? head : `${head}  ${rest.join(" ")}`;
}

function textValue(value: string | number | bigint | boolean | null): string {
  const text = String(value);
  return /^[^\s"=\p{C}]+$/u.test(text) ? text : JSON.stringify(text);
}

/** A line stays a line, whatever a message brings from outside. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what this is about
  return text.replace(/\r?\n/g, " | ").replace(/[\x00-\x1f\x7f]/g, " ");
}

const TEXT = new TextEncoder();

function stderrOutput() {
  return { write: (line: string) => writeAll(Deno.stderr, line), close: () => {} };
}

function fileOutput(path: string) {
  const file = Deno.openSync(path, { append: true, create: true });
  return { write: (line: string) => writeAll(file, line), close: () => file.close() };
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, line: string): void {
  const bytes = TEXT.encode(line + "\n");
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}
