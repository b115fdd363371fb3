/**
 * DropHeaders: records without the headers of these names, with Kafka Connect's options.
 *
 * @module
 */
import { option, type TransformPlugin } from "../api/mod.ts";

const OPTIONS = {
  "headers": option.list({
    doc: "Names of the headers to drop.",
    importance: "high",
    check: (names) => names.length === 0 ? "must name at least one header" : null,
  }),
};

/** The transform of that name. */
export const dropHeaders: TransformPlugin<typeof OPTIONS> = {
  name: "DropHeaders",
  options: OPTIONS,
  create({ headers: names }) {
    const dropped = new Set(names);
    return {
      apply: (batch) =>
        batch.withHeaders(
          Array.from({ length: batch.numRows }, (_, row) => batch.headers(row).filter(({ key }) => !dropped.has(key))),
        ),
    };
  },
};
