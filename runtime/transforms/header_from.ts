/**
 * HeaderFrom: copies or moves fields into headers, with Kafka Connect's options. Values become text as its
 * SimpleHeaderConverter writes them (`header_text.ts`).
 *
 * @module
 */
import { type RecordBatch, Schema } from "apache-arrow";
import {
  DataError,
  option,
  recordBatch,
  type RecordHeader,
  type RecordSide,
  type SinkBatch,
  type TransformPlugin,
} from "../api/mod.ts";
import { headerText } from "./header_text.ts";
import { NULL_DEFAULTS } from "./shared_options.ts";
import { isNullRow } from "./side.ts";

const OPTIONS = {
  "fields": option.list({
    doc: "Fields whose values become headers.",
    importance: "high",
    check: (names) => names.length === 0 ? "must name at least one field" : null,
  }),
  "headers": option.list({
    doc: "Names of the headers, in the order of the fields.",
    importance: "high",
    check: (names) => names.length === 0 ? "must name at least one header" : null,
  }),
  "operation": option.oneOf(["move", "copy"], {
    doc: "`move` takes the fields out of the record, `copy` leaves them there.",
    importance: "high",
  }),
  ...NULL_DEFAULTS,
};

interface Plan {
  /** Columns that become headers, in the order of the headers. */
  readonly from: readonly number[];
  /** Columns that stay. */
  readonly kept: readonly number[];
  readonly schema: Schema;
}

/** The transform of that name. */
export const headerFrom: TransformPlugin<typeof OPTIONS> = {
  name: "HeaderFrom",
  options: OPTIONS,
  sides: ["key", "value"],
  check: ({ fields, headers }) =>
    fields.length === headers.length
      ? null
      : `has ${fields.length} fields and ${headers.length} headers: wanted a header for each field`,
  create({ fields, headers: names, operation }, side) {
    const plans = new WeakMap<Schema, Plan | DataError>();
    return {
      apply(batch, reject) {
        const columns = side === "value" ? batch.data : batch.keys;
        const schema = columns?.schema ?? null;
        let plan = schema === null ? noRecord(side) : plans.get(schema);
        if (!plan) plans.set(schema!, plan = planOf(schema!, fields, operation));
        const isRefused = plan instanceof DataError;
        for (let row = 0; row < batch.numRows; row++) {
          if (isNullRow(batch, side, row)) reject(row, noValue(side));
          else if (isRefused) reject(row, plan as DataError);
        }
        return isRefused ? batch : moved(batch, columns!, plan as Plan, names, side);
      },
    };
  },
};

function moved(batch: SinkBatch, columns: RecordBatch, plan: Plan, names: readonly string[], side: RecordSide) {
  const { children } = columns.data;
  const headers = Array.from({ length: batch.numRows }, (_, row): RecordHeader[] => [
    ...batch.headers(row),
    ...plan.from.map((at, i): RecordHeader => ({
      key: names[i],
      value: isNullRow(batch, side, row) ? null : headerText(columns.schema.fields[at], children[at], row),
      isText: true,
    })),
  ]);
  const out = batch.withHeaders(headers);
  if (plan.schema === columns.schema) return out;
  const rest = recordBatch(plan.schema, plan.kept.map((at) => children[at]), batch.numRows);
  return side === "value" ? out.withData(rest) : out.withKeys(rest);
}

function planOf(schema: Schema, names: readonly string[], operation: "move" | "copy"): Plan | DataError {
  const from: number[] = [];
  for (const name of names) {
    const at = schema.fields.findIndex((field) => field.name === name);
    if (at < 0) {
      return new DataError(
        `Cannot make a header of the field ${name}: the record has no such field, only ${schema.names.join(", ")}`,
        { reason: "field is missing", fieldPath: name },
      );
    }
    from.push(at);
  }
  const all = [...schema.fields.keys()];
  const kept = operation === "copy" ? all : all.filter((at) => !from.includes(at));
  if (kept.length === all.length) return { from, kept, schema };
  return { from, kept, schema: new Schema(kept.map((at) => schema.fields[at]), schema.metadata) };
}

function noRecord(side: RecordSide): DataError {
  return new DataError(`Cannot make headers of the ${side}: it is bytes; choose a ${side}.converter that decodes it`, {
    reason: "not a record",
  });
}

function noValue(side: RecordSide): DataError {
  return new DataError(`Cannot make headers of the ${side}: the record has none`, { reason: `record has no ${side}` });
}
