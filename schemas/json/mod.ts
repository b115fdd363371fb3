/**
 * `value.converter: json`: bare JSON objects, a column a member.
 *
 * The schema is `value.schema` (`key.schema` for keys), else the target's, else inferred once from the first records and
 * pinned for all tasks. What the schema does not have is not dropped: it comes as further nullable columns. Here is what a
 * configuration needs to know of it; the rest is loaded where the format is chosen.
 *
 * @module
 */
import { type ConverterPlugin, type Option, option } from "../../mod.ts";
import { Deferred } from "../deferred.ts";

const format = new Deferred(() => import("./converter.ts"));

const schemaDoc = "instead of the target's or an inferred one. For json: Delta's schema JSON, inline or a file's path.";

/** The converter's options. */
export const jsonOptions: {
  readonly "value.schema": Option<string | null>;
  readonly "key.schema": Option<string | null>;
  readonly "json.timestamp.nanos": Option<"reject" | "truncate">;
} = {
  "value.schema": option.optionalString({ doc: `The schema of values, ${schemaDoc}` }),
  "key.schema": option.optionalString({ doc: `The schema of keys, ${schemaDoc}` }),
  "json.timestamp.nanos": option.oneOf(["reject", "truncate"], {
    doc: "What becomes of timestamps with digits below the microsecond, which no column holds.",
    default: "reject",
    importance: "low",
  }),
};

/** The plugin. */
export const jsonConverter: ConverterPlugin<typeof jsonOptions> = {
  name: "json",
  options: jsonOptions,
  load: () => format.load(),
  create: (config, context) => format.part.createConverter(config, context),
};
