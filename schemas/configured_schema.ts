/**
 * A schema that an option holds: inline, or as the path of a file.
 *
 * @module
 */
import { ConfigError, DataError } from "../mod.ts";

/** How a format's schemas are told from paths, and what they are called. */
export interface ConfiguredSchema {
  /** Matches what is a schema itself. */
  readonly inline: RegExp;
  /** E.g. "an Avro schema". */
  readonly what: string;
}

/** Makes something of the schema's text; ConfigError where the file cannot be read, or the schema is of no use. */
export function fromConfigured<T>(
  { inline, what }: ConfiguredSchema,
  { key, given }: { readonly key: string; readonly given: string },
  make: (text: string) => T,
): T {
  const isInline = inline.test(given);
  try {
    return make(isInline ? given : Deno.readTextFileSync(given));
  } catch (error) {
    if (error instanceof DataError) throw new ConfigError([{ key, value: given, why: error.message }]);
    if (isInline) throw error;
    const why = `cannot be read as a file: ${(error as Error).message}; expected ${what} or the path of one`;
    throw new ConfigError([{ key, value: given, why }]);
  }
}

/**
 * An option's check: what is wrong with an inline schema. Files are read when the converter is made. `parser`: null as long
 * as the format is not loaded.
 */
export function inlineCheck(
  { inline }: ConfiguredSchema,
  parser: () => ((text: string) => unknown) | null,
): (given: string | null) => string | null {
  return (given) => {
    const parse = parser();
    if (given === null || parse === null || !inline.test(given)) return null;
    try {
      parse(given);
      return null;
    } catch (error) {
      if (error instanceof DataError) return error.message;
      throw error;
    }
  };
}
