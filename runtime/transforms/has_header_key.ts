/**
 * HasHeaderKey: holds for records that have a header of this name, as with Kafka Connect.
 *
 * @module
 */
import { option, type PredicatePlugin } from "../api/mod.ts";

const OPTIONS = {
  "name": option.string({
    doc: "The header's name.",
    importance: "high",
    check: (name) => name === "" ? "must not be empty" : null,
  }),
};

/** The predicate of that name. */
export const hasHeaderKey: PredicatePlugin<typeof OPTIONS> = {
  name: "HasHeaderKey",
  options: OPTIONS,
  create: ({ name }) => ({
    holds(batch) {
      const rows = new Uint8Array(batch.numRows);
      for (let row = 0; row < rows.length; row++) {
        if (batch.headers(row).some(({ key }) => key === name)) rows[row] = 1;
      }
      return rows;
    },
  }),
};
