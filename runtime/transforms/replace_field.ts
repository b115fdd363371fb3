/**
 * ReplaceField: drops, keeps and renames top-level fields, with Kafka Connect's options.
 *
 * @module
 */
import { type Data, Field, Schema } from "apache-arrow";
import { DataError, option, recordBatch, type TransformPlugin } from "../api/mod.ts";

const OPTIONS = {
  "include": option.list({ doc: "Fields to keep; empty: all. exclude goes before it.", default: [] }),
  "exclude": option.list({ doc: "Fields to drop.", default: [] }),
  "renames": option.list({
    doc: "Fields to rename, as old:new. include and exclude speak of the old names.",
    default: [],
    check: (pairs) => {
      const wrong = pairs.find((pair) => !/^[^:]+:[^:]+$/.test(pair));
      if (wrong !== undefined) return `has the entry "${wrong}", which must be old:new`;
      const olds = pairs.map((pair) => pair.split(":")[0]);
      const twice = olds.find((old, i) => olds.indexOf(old) !== i);
      return twice === undefined ? null : `renames ${twice} twice`;
    },
  }),
};

interface Plan {
  readonly schema: Schema;
  /** Indices of the columns that stay. */
  readonly kept: readonly number[];
  /** Why these columns cannot be. */
  readonly problem: DataError | null;
}

/** The transform of that name. */
export const replaceField: TransformPlugin<typeof OPTIONS> = {
  name: "ReplaceField",
  options: OPTIONS,
  sides: ["value"],
  create({ include, exclude, renames }) {
    const keep = new Set(include);
    const drop = new Set(exclude);
    const newNames = new Map(renames.map((pair) => pair.split(":").map((name) => name.trim()) as [string, string]));
    const plans = new WeakMap<Schema, Plan>();
    const planFor = (schema: Schema): Plan => {
      const kept = [...schema.fields.keys()].filter((i) => {
        const { name } = schema.fields[i];
        return !drop.has(name) && (keep.size === 0 || keep.has(name));
      });
      const fields = kept.map((i) => renamed(schema.fields[i], newNames));
      const names = fields.map(({ name }) => name);
      const twice = names.find((name, i) => names.indexOf(name) !== i);
      const problem = twice === undefined ? null : new DataError(
        `Cannot rename to ${twice}: the record has a field of that name already; exclude it`,
        { reason: "field name is taken", fieldPath: twice },
      );
      const same = fields.length === schema.fields.length && fields.every((field, i) => field === schema.fields[i]);
      return { schema: same ? schema : new Schema(fields, schema.metadata), kept, problem };
    };
    return {
      apply(batch, reject) {
        const { schema, data } = batch.data;
        let plan = plans.get(schema);
        if (!plan) plans.set(schema, plan = planFor(schema));
        if (plan.problem) {
          for (let row = 0; row < batch.numRows; row++) reject(row, plan.problem);
          return batch;
        }
        if (plan.schema === schema) return batch;
        const columns = plan.kept.map((i): Data => data.children[i]);
        return batch.withData(recordBatch(plan.schema, columns, batch.numRows));
      },
    };
  },
};

function renamed(field: Field, newNames: ReadonlyMap<string, string>): Field {
  const name = newNames.get(field.name);
  return name === undefined || name === field.name
    ? field
    : new Field(name, field.type, field.nullable, field.metadata);
}
