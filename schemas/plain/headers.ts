/**
 * What headers' values become: `header.converter`.
 *
 * | name | value | becomes |
 * |---|---|---|
 * | `simple` | any | text where it is UTF-8, else base64 |
 * | `string` | text in `converter.encoding`, else rejected | text |
 * | `json` | JSON, else rejected | its text as it is |
 * | `bytes` | any | bytes |
 *
 * @module
 */
import { BytesColumn, DataError, type HeaderConverterPlugin, types } from "../../mod.ts";
import { invalidUtf8 } from "../utf8.ts";
import { checkUtf8, createTextReader, stringOptions } from "./encodings.ts";

const simple: HeaderConverterPlugin = {
  name: "simple",
  options: {},
  create: () => ({
    isText: true,
    convert: (value) => invalidUtf8(value, 0, value.length) < 0 ? value : new TextEncoder().encode(value.toBase64()),
  }),
};

const string: HeaderConverterPlugin<typeof stringOptions> = {
  name: "string",
  options: stringOptions,
  create(config) {
    const column = new BytesColumn(types.utf8());
    const append = createTextReader(config["converter.encoding"], column);
    return {
      isText: true,
      convert(value) {
        append(value, 0, value.length);
        return column.finish().values;
      },
    };
  },
};

const json: HeaderConverterPlugin = {
  name: "json",
  options: {},
  create: () => ({
    isText: true,
    convert(value) {
      checkUtf8(value, 0, value.length);
      try {
        JSON.parse(new TextDecoder().decode(value));
      } catch (cause) {
        if (!(cause instanceof SyntaxError)) throw cause;
        throw new DataError(`it is no JSON: ${cause.message}`, { reason: "malformed json" }, { cause });
      }
      return value;
    },
  }),
};

const bytes: HeaderConverterPlugin = {
  name: "bytes",
  options: {},
  create: () => ({ isText: false, convert: (value) => value }),
};

/** All of them; the first is the default. */
export const HEADER_CONVERTERS: readonly HeaderConverterPlugin[] = [
  simple,
  string as unknown as HeaderConverterPlugin,
  json,
  bytes,
];
