/**
 * ReplaceField: drops, keeps and renames top-level fields, with Kafka Connect's options.
 *
 * @module
 */
import { Field, Schema } from "apache-arrow";
import { option, recordBatch, type TransformPlugin, type Values } from "../api/mod.ts";
import { insist, NULL_DEFAULTS } from "./shared_options.ts";
import { createSideTransform, fieldError, nameTwice } from "./side.ts";

const OPTIONS = {
  "include": option.list({ doc: "Fields to keep; empty: all. exclude goes before it.", default: [] }),
  "exclude": option.list({ doc: "Fields to drop.", default: [] }),
  "renames": option.list({
    doc: "Fields to rename, as old:new. include and exclude speak of the old names.",
    default: [],
    check: (pairs) => {
      const wrong = pairs.find((pair) => !/^[^:]+:[^:]+$/.test(pair));
      if (wrong !== undefined) return `has the entry "${wrong}", which must be old:new`;
      const olds = pairs.map((pair) => pair.split(":")[0].trim());
      const twice = olds.find((old, i) => olds.indexOf(old) !== i);
      return twice === undefined ? null : `renames ${twice} twice`;
    },
  }),
  "whitelist": option.list({ doc: "The old name of include.", default: [], importance: "low" }),
  "blacklist": option.list({ doc: "The old name of exclude.", default: [], importance: "low" }),
  ...NULL_DEFAULTS,
};

/** The transform of that name. */
export const replaceField: TransformPlugin<typeof OPTIONS> = {
  name: "ReplaceField",
  options: OPTIONS,
  sides: ["key", "value"],
  check: wrongTogether,
  create(config, side) {
    insist("ReplaceField", wrongTogether(config));
    const keep = new Set([...config.include, ...config.whitelist]);
    const drop = new Set([...config.exclude, ...config.blacklist]);
    const newNames = new Map(
      config.renames.map((pair) => pair.split(":").map((name) => name.trim()) as [string, string]),
    );
    return createSideTransform({
      name: "ReplaceField",
      side,
      plan(schema) {
        const kept = [...schema.fields.keys()].filter((i) => {
          const { name } = schema.fields[i];
          return !drop.has(name) && (keep.size === 0 || keep.has(name));
        });
        const fields = kept.map((i) => renamed(schema.fields[i], newNames));
        const twice = nameTwice(fields);
        if (twice !== undefined) {
          return fieldError(
            `Cannot rename to ${twice}: the record has a field of that name already; exclude it`,
            "field name is taken",
            twice,
          );
        }
        if (fields.length === schema.fields.length && fields.every((field, i) => field === schema.fields[i])) {
          return null;
        }
        const target = new Schema(fields, schema.metadata);
        return ({ data, numRows }) => recordBatch(target, kept.map((i) => data.children[i]), numRows);
      },
    });
  },
};

/** Either name of an option may be set, not both. */
function wrongTogether(config: Values<typeof OPTIONS>): string | null {
  const both = ([["include", "whitelist"], ["exclude", "blacklist"]] as const)
    .find(([key, old]) => config[key].length > 0 && config[old].length > 0);
  return both ? `sets ${both[0]} and its old name ${both[1]}; use ${both[0]} alone` : null;
}

function renamed(field: Field, newNames: ReadonlyMap<string, string>): Field {
  const name = newNames.get(field.name);
  return name === undefined || name === field.name
    ? field
    : new Field(name, field.type, field.nullable, field.metadata);
}
