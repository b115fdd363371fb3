/**
 * A JSON Schema's columns, without records.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { rowColumns } from "./columns.ts";
import { readDocuments } from "./documents.ts";
import { jsonSchemaFields } from "./mapping_notes.ts";
import type { WriterField } from "../../mapping_notes.ts";
import { resolveShape } from "./resolve.ts";

/** What a report tells of a schema. */
export function fieldsOfJsonSchema(
  text: string,
  references: readonly { readonly name: string; readonly text: string }[],
  jsonPaths: ReadonlySet<string>,
): WriterField[] {
  return jsonSchemaFields(resolveShape(readDocuments(text, references)), jsonPaths);
}

/** The columns of records of a schema, by the converter's default options. */
export function columnsOfJsonSchema(
  text: string,
  references: readonly { readonly name: string; readonly text: string }[],
  jsonPaths: ReadonlySet<string> = new Set(),
): Schema {
  const options = {
    additional: "json",
    unions: "struct",
    truncateNanos: false,
    jsonPaths,
    isStrict: false,
  } as const;
  const { fields } = rowColumns(resolveShape(readDocuments(text, references)), options, () => () => true);
  return new Schema([...fields]);
}
