/**
 * The columns that a registered schema's records have.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import { DataError } from "../mod.ts";
import { parseSchema } from "./avro/schema.ts";
import { rowFields } from "./avro/types.ts";
import { columnsOfJsonSchema } from "./json/registered/schema_columns.ts";
import { fromReferences, parseProto } from "./protobuf/proto.ts";
import { rowFields as protobufFields } from "./protobuf/types.ts";
import {
  createRegistry,
  type RegisteredSchema,
  type RegistryConfig,
  type RegistryContext,
  type SchemaRegistry,
  type SubjectVersion,
} from "./registry.ts";

/** Reads version `version` of `subject` from the registry at `url`. Throws DataError where columns cannot hold it. */
export async function columnsOfSubject(
  { config, subject, version }: { config: RegistryConfig; subject: string; version: number | "latest" },
  context: RegistryContext,
): Promise<Schema> {
  const registry = createRegistry(config, context);
  return await columnsOf(registry, await registry.schemaByVersion(subject, version));
}

/** A schema of the registry, by its id. */
export interface SchemaOfId {
  readonly schemaType: RegisteredSchema["schemaType"];
  /** Null: columns cannot hold it. */
  readonly columns: Schema | null;
  readonly subjects: readonly SubjectVersion[];
}

/** Null where the registry does not know the id. */
export async function schemaOfId(
  { config, id }: { config: RegistryConfig; id: number },
  context: RegistryContext,
): Promise<SchemaOfId | null> {
  const registry = createRegistry(config, context);
  const registered = await unlessDataError(() => registry.schemaById(id));
  if (registered === null) return null;
  const [columns, subjects] = await Promise.all([
    unlessDataError(() => columnsOf(registry, registered)),
    registry.subjectsOfId(id),
  ]);
  return { schemaType: registered.schemaType, columns, subjects };
}

async function unlessDataError<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DataError) return null;
    throw error;
  }
}

async function columnsOf(registry: SchemaRegistry, registered: RegisteredSchema): Promise<Schema> {
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
