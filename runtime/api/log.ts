/** Fields of a log line; connector, task, topic, partition and offsets go by these names. */
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | null | undefined>>;

/** A structured log. Messages are sentences without values; values are fields. */
export interface Log {
  /** For who looks for a fault. */
  debug(message: string, fields?: LogFields): void;
  /** What happens in the course of things. */
  info(message: string, fields?: LogFields): void;
  /** What somebody should look at some day. */
  warn(message: string, fields?: LogFields): void;
  /** What somebody should look at now. */
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry these fields too. */
  with(fields: LogFields): Log;
}
