/**
 * The columns that a registered schema's records have.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { parseSchema } from "./avro/schema.ts";
import { rowFields } from "./avro/types.ts";
import { columnsOfJsonSchema } from "./json/registered/schema_columns.ts";
import { fromReferences, parseProto } from "./protobuf/proto.ts";
import { rowFields as protobufFields } from "./protobuf/types.ts";
import { createRegistry, type RegistryConfig, type RegistryContext } from "./registry.ts";

/** Reads version `version` of `subject` from the registry at `url`. Throws DataError where columns cannot hold it. */
export async function columnsOfSubject(
  { config, subject, version }: { config: RegistryConfig; subject: string; version: number | "latest" },
  context: RegistryContext,
): Promise<Schema> {
  const registry = createRegistry(config, context);
  const registered = await registry.schemaByVersion(subject, version);
  const references = await registry.resolveReferences(registered);
  switch (registered.schemaType) {
    case "AVRO": {
      const type = parseSchema(registered.schema, references.map(({ schema }) => schema.schema));
      return new Schema(rowFields(type, { timestampNanos: "long" }));
    }
    case "JSON":
      return columnsOfJsonSchema(
        registered.schema,
        references.map(({ name, schema }) => ({ name, text: schema.schema })),
      );
    case "PROTOBUF": {
      const files = references.map(({ name, schema }) => ({ name, text: schema.schema }));
      // The first message is what producers of one message a file mean.
      const message = parseProto(registered.schema, fromReferences(files)).messageAt([0]);
      return new Schema(protobufFields(message, new Set()));
    }
  }
}
