/**
 * The contract of a header converter.
 *
 * @module
 */
import type { ConfigDef, Values } from "./config_def.ts";
import { DataError } from "./errors.ts";
import type { RecordHeader } from "./raw_records.ts";

/** Headers' values to text or bytes. */
export interface HeaderConverter {
  /** Whether values become UTF-8 text; else bytes. */
  readonly isText: boolean;
  /** One value; throws DataError where it cannot be one. What it returns may be a view of `value`. */
  convert(value: Uint8Array): Uint8Array;
}

/** A kind of them: `header.converter: <name>`. Headers are converted only where somebody asks for them. */
export interface HeaderConverterPlugin<Def extends ConfigDef = ConfigDef> {
  /** What `header.converter` says. */
  readonly name: string;
  /** What it does, in a line, for lists of plugins. */
  readonly doc?: string;
  /** Options, read below `header.converter.`. */
  readonly options: Def;
  /** Makes one. */
  create(config: Values<Def>): HeaderConverter;
}

/** Headers with their values converted; throws DataError, of the stage HEADER_CONVERTER, that names the header. */
export function convertHeaders(converter: HeaderConverter, headers: readonly RecordHeader[]): RecordHeader[] {
  return headers.map(({ key, value, isText }) => {
    if (isText) return { key, value };
    try {
      return { key, value: value === null ? null : converter.convert(value) };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      throw new DataError(
        `Cannot convert the header "${key}": ${error.message}`,
        { ...error.details, stage: "HEADER_CONVERTER", fieldPath: key },
        { cause: error },
      );
    }
  });
}
