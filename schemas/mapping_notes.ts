/**
 * What a report of a mapping says of a place in a writer's schema, whatever its format.
 *
 * @module
 */

/** A place in a writer's schema, by the path that its column has. */
export interface WriterField {
  readonly path: string;
  /** Its type in the format's own words. */
  readonly writer: string;
  /** What somebody should know about its column; null: nothing. */
  readonly note: string | null;
  /** Whether the note asks for a decision. */
  readonly decide: boolean;
}

/** What is noted of a type. */
export type Note = readonly [text: string, decide: boolean] | null;

/** Something that is good to know. */
export const known = (text: string): Note => [text, false];
/** Something that somebody should decide. */
export const toDecide = (text: string): Note => [text, true];

/** Elements and map values are told of where there is something to say. */
export function worthSaying<Told extends WriterField>(fields: readonly Told[]): Told[] {
  return fields.filter(({ path, note }) => note !== null || !/(\[\]|\{\})$/.test(path));
}

/** Types can multiply without end: a report ends here. */
export const LINES_MAX = 10_000;
