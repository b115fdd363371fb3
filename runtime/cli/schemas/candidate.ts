/**
 * A schema in a file, as the registry would hold it.
 *
 * @module
 */
import { ConfigError, type SchemaDocument } from "../../api/mod.ts";
import type { RegistrySubjects } from "../table_tools.ts";

/** The flags that describe it. */
export interface CandidateFlags {
  readonly type?: string;
  /** `name=subject@version`. */
  readonly reference?: readonly string[];
}

const BY_EXTENSION: Readonly<Record<string, SchemaDocument["schemaType"]>> = { avsc: "AVRO", proto: "PROTOBUF" };

/** Reads it. What `--type` does not say, the file's name does, else the subject's newest version. Throws ConfigError. */
export async function readCandidate(
  path: string,
  subject: string,
  { type, reference = [] }: CandidateFlags,
  subjects: RegistrySubjects,
): Promise<SchemaDocument> {
  const schema = await textOf(path);
  return {
    schemaType: await typeOf(path, subject, type, subjects),
    ...{ subject, version: null, id: null, schema },
    references: reference.map((text) => {
      const [, name, of, version] = /^([^=]+)=(.+)@(\d+)$/.exec(text) ?? [];
      if (name !== undefined) return { name, subject: of, version: Number(version) };
      throw new ConfigError([{ key: "--reference", value: text, why: "must be NAME=SUBJECT@VERSION" }]);
    }),
  };
}

async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof TypeError) throw error;
    throw new ConfigError([{ key: "FILE", value: path, why: `cannot be read (${error.name})` }]);
  }
}

async function typeOf(
  path: string,
  subject: string,
  given: string | undefined,
  subjects: RegistrySubjects,
): Promise<SchemaDocument["schemaType"]> {
  const type = given?.toUpperCase();
  if (type === "AVRO" || type === "PROTOBUF" || type === "JSON") return type;
  if (type !== undefined) {
    throw new ConfigError([{ key: "--type", value: given, why: "must be AVRO, PROTOBUF or JSON" }]);
  }
  const named = BY_EXTENSION[path.split(".").at(-1)!];
  if (named) return named;
  if ((await subjects.versionsOf(subject)).length > 0) return (await subjects.version(subject, "latest")).schemaType;
  const why = `is missing: neither the name of ${path} nor a version of ${subject} says what kind of schema it is`;
  throw new ConfigError([{ key: "--type", why }]);
}
