/**
 * A JSON Schema's columns, without records.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { rowColumns } from "./columns.ts";
import { readDocuments } from "./documents.ts";
import { resolveShape } from "./resolve.ts";

/** The columns of records of a schema, by the converter's default options. */
export function columnsOfJsonSchema(
  text: string,
  references: readonly { readonly name: string; readonly text: string }[],
): Schema {
  const options = {
    additional: "json",
    unions: "struct",
    truncateNanos: false,
    jsonPaths: new Set<string>(),
    isStrict: false,
  } as const;
  const { fields } = rowColumns(resolveShape(readDocuments(text, references)), options, () => () => true);
  return new Schema([...fields]);
}
