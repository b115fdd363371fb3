/**
 * The columns that a registered schema's records have.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { FatalError } from "../mod.ts";
import { parseSchema, rowFields } from "./avro/mod.ts";
import { createRegistry, type RegistryConfig, type RegistryContext } from "./registry.ts";

/** Reads version `version` of `subject` from the registry at `url`. Throws FatalError for a format without columns. */
export async function columnsOfSubject(
  { config, subject, version }: { config: RegistryConfig; subject: string; version: number | "latest" },
  context: RegistryContext,
): Promise<Schema> {
  const registry = createRegistry(config, context);
  const registered = await registry.schemaByVersion(subject, version);
  if (registered.schemaType !== "AVRO") {
    throw new FatalError(
      `Cannot read the columns of ${subject}@${version}: it is ${registered.schemaType}, and only AVRO is supported yet`,
    );
  }
  const references = await registry.resolveReferences(registered);
  const type = parseSchema(registered.schema, references.map(({ schema }) => schema.schema));
  return new Schema(rowFields(type, { timestampNanos: "long" }));
}
