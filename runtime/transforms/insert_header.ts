/**
 * InsertHeader: adds a header with a constant value to every record, with Kafka Connect's options.
 *
 * @module
 */
import { option, type RecordHeader, type TransformPlugin } from "../api/mod.ts";

const OPTIONS = {
  "header": option.string({
    doc: "The header's name.",
    importance: "high",
    check: (name) => name === "" ? "must not be empty" : null,
  }),
  "value.literal": option.string({
    doc: "Its value, as text; `null` is none.",
    importance: "high",
  }),
};

/** The transform of that name. */
export const insertHeader: TransformPlugin<typeof OPTIONS> = {
  name: "InsertHeader",
  options: OPTIONS,
  create({ header: key, "value.literal": literal }) {
    const value = literal === "null" ? null : new TextEncoder().encode(literal);
    const inserted: RecordHeader = { key, value, isText: true };
    return {
      apply: (batch) =>
        batch.withHeaders(Array.from({ length: batch.numRows }, (_, row) => [...batch.headers(row), inserted])),
    };
  },
};
