/**
 * Cast: top-level fields, or the whole key or value, as another type, with Kafka Connect's options. What the type cannot hold
 * is refused, where Connect would wrap a number round.
 *
 * @module
 */
import { Field, Schema } from "apache-arrow";
import { DataError, FIELD_JSON, isNull, nulls, option, recordBatch, type TransformPlugin } from "../api/mod.ts";
import { didYouMean } from "../config/nearest.ts";
import { canCast, CAST_TARGETS, castColumn, type CastTarget } from "./column_cast.ts";
import { NULL_DEFAULTS } from "./shared_options.ts";
import { createSideTransform, fieldError, isWhole } from "./side.ts";

const NAMES = Object.keys(CAST_TARGETS);

const OPTIONS = {
  "spec": option.list({
    doc: `Fields and their types as field:type, or one type for the whole value: ${NAMES.join(", ")}.`,
    importance: "high",
    check: (entries) => {
      if (entries.length === 0) return "must name at least one field or type";
      for (const entry of entries) {
        const parts = entry.split(":");
        if (parts.length > 2) return `has the entry "${entry}", which must be field:type`;
        const type = parts.at(-1)!.trim().toLowerCase();
        if (!NAMES.includes(type)) {
          return `has the entry "${entry}", whose type must be one of ${NAMES.join(", ")}${didYouMean(type, NAMES)}`;
        }
        if (parts.length === 1 && entries.length > 1) {
          return `casts the whole value to ${entry}: that must be the only entry`;
        }
      }
      const fields = entries.map((entry) => entry.split(":")[0].trim());
      const twice = fields.find((field, i) => fields.indexOf(field) !== i);
      return twice === undefined ? null : `casts ${twice} twice`;
    },
  }),
  ...NULL_DEFAULTS,
};

/** One column's cast. */
interface ColumnCast {
  readonly target: CastTarget;
  /** Of an entry that the target cannot hold. */
  readonly failure: DataError;
  /** No entry can be cast, whatever it holds. */
  readonly isHopeless: boolean;
}

/** The transform of that name. */
export const cast: TransformPlugin<typeof OPTIONS> = {
  name: "Cast",
  options: OPTIONS,
  sides: ["key", "value"],
  create({ spec }, side) {
    const targets = targetsOf(spec);
    const whole = targets.get(null);
    return createSideTransform({
      name: "Cast",
      side,
      takesBytes: whole === "string",
      plan(schema) {
        if (whole !== undefined && !isWhole(schema)) {
          return fieldError(
            `Cannot cast the ${side} to ${whole}: it is a record; name its fields in spec as field:type`,
            "cannot cast a record",
          );
        }
        const casts = schema.fields.map((field) => castOf(field, whole ?? targets.get(field.name)));
        if (casts.every((each) => each === null)) return null;
        const fields = schema.fields.map((field, i) => casts[i] === null ? field : castField(field, casts[i].target));
        const target = new Schema(fields, schema.metadata);
        return ({ data, numRows }, _batch, reject) => {
          const columns = data.children.map((column, i) => {
            const each = casts[i];
            if (each === null) return column;
            if (!each.isHopeless) return castColumn(column, each.target, (row) => reject(row, each.failure));
            for (let row = 0; row < numRows; row++) if (!isNull(column, row)) reject(row, each.failure);
            return nulls(fields[i], numRows);
          });
          return recordBatch(target, columns, numRows);
        };
      },
    });
  },
};

/** By field; null: the whole value. */
function targetsOf(spec: readonly string[]): ReadonlyMap<string | null, CastTarget> {
  return new Map(spec.map((entry) => {
    const parts = entry.split(":").map((part) => part.trim());
    return [parts.length === 1 ? null : parts[0], parts.at(-1)!.toLowerCase() as CastTarget];
  }));
}

/** Null: there is nothing to do. */
function castOf({ name, type }: Field, target: CastTarget | undefined): ColumnCast | null {
  if (target === undefined || String(CAST_TARGETS[target]()) === String(type)) return null;
  const isHopeless = !canCast(type, target);
  const why = isHopeless ? "only flat types can be cast, and bytes to string alone" : "the type cannot hold the value";
  const failure = new DataError(`Cannot cast ${name}, a ${type}, to ${target}: ${why}`, {
    reason: isHopeless ? "cannot cast the type" : "value does not fit the type",
    fieldPath: name,
  });
  return { target, failure, isHopeless };
}

function castField({ name, nullable, metadata }: Field, target: CastTarget): Field {
  const kept = [...metadata].filter(([key]) => key !== FIELD_JSON);
  return new Field(name, CAST_TARGETS[target](), nullable, new Map(kept));
}
