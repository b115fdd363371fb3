/**
 * How the records of a subject become columns: field by field, with what somebody should decide, and with the options that
 * make a table hold what it could not hold else.
 *
 * @module
 */
import { type DataType, Field, Schema, Type } from "apache-arrow";
import { DataError, FIELD_UNDECLARED } from "../mod.ts";
import { avroFields } from "./avro/mapping_notes.ts";
import { parseSchema } from "./avro/schema.ts";
import { rowFields } from "./avro/types.ts";
import { columnsOfJsonSchema, fieldsOfJsonSchema } from "./json/registered/schema_columns.ts";
import { worthSaying, type WriterField } from "./mapping_notes.ts";
import { protobufFields } from "./protobuf/mapping_notes.ts";
import { fromReferences, parseProto } from "./protobuf/proto.ts";
import { rowFields as protobufRowFields } from "./protobuf/types.ts";
import {
  createRegistry,
  type NamedReference,
  type RegisteredSchema,
  type RegistryConfig,
  type RegistryContext,
} from "./registry.ts";
import { createHttp } from "./registry_http.ts";

/** A place in the schema and its column. */
export interface MappingLine extends WriterField {
  /** Null: it has no column. */
  readonly type: DataType | null;
  readonly nullable: boolean;
}

/** How a subject's records become columns. */
export interface MappingReport {
  readonly subject: string;
  readonly version: number | null;
  readonly id: number | null;
  /** What `value.converter` says. */
  readonly converter: "avro" | "protobuf" | "json-schema";
  readonly lines: readonly MappingLine[];
  /** The columns, with what follows; null where there are none. */
  readonly columns: Schema | null;
  /** For `columns.json`: what must be JSON text. */
  readonly columnsJson: readonly string[];
  /** For ReplaceField: names that tables cannot have. */
  readonly renames: readonly { readonly from: string; readonly to: string }[];
  /** What else should be known of the whole. */
  readonly notes: readonly string[];
  /** Why there are no columns, and what can be done; null: there are. */
  readonly refused: string | null;
}

/** Throws DataError where a table cannot have the columns: its path and reason say what is wrong. */
export type Holds = (columns: Schema) => void;

/** The report of a subject's version. Throws DataError where the registry does not know it, or the schema is none. */
export async function mappingOfSubject(
  { config, subject, version }: { config: RegistryConfig; subject: string; version: number | "latest" },
  context: RegistryContext,
  holds: Holds,
): Promise<MappingReport> {
  const registry = createRegistry(config, context);
  const registered = await registry.schemaByVersion(subject, version);
  const references = await registry.resolveReferences(registered);
  return mappingReport({ ...registered, subject }, references, holds);
}

/** All subjects. */
export async function subjectsOf(config: RegistryConfig, context: RegistryContext): Promise<readonly string[]> {
  const answer = await createHttp(config, context).get("the subjects", "/subjects");
  return answer.kind === "found" && Array.isArray(answer.body) ? answer.body.map(String).sort() : [];
}

/** The report of a schema that was read. */
export function mappingReport(
  registered: RegisteredSchema,
  references: readonly NamedReference[],
  holds: Holds,
): MappingReport {
  const format = formatOf(registered, references);
  const cures = new Cures();
  let columns: Schema | null = null;
  let refused: string | null = null;
  while (columns === null && refused === null) {
    try {
      const made = new Schema([...format.columns(cures.jsonPaths)]);
      holds(new Schema(made.fields.filter(isDeclared).map((field) => cures.renamed(field))));
      columns = made;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      if (!cures.add(error)) refused = withAdvice(error);
    }
  }
  const found = columns ? columnsByPath(columns.fields) : new Map<string, Field>();
  const told = format.fields(cures.jsonPaths);
  const places = new Set(told.map(({ path }) => path));
  const lines = told.map((field): MappingLine => {
    const { path } = field;
    const column = found.get(path);
    found.delete(path);
    // Not every format tells of elements: what is noted of them is then noted of the list.
    const why = [path, `${path}[]`, `${path}{}`].filter((at) => at === path || !places.has(at))
      .map((at) => cures.noteOf(at)).find((note) => note !== null);
    const note = why === undefined ? {} : { note: why, decide: true };
    return { ...field, ...note, type: column?.type ?? null, nullable: column?.nullable ?? true };
  });
  // What no place of the schema stands for: members that it lets in and does not name.
  for (const [path, { type, nullable }] of found) {
    if (!/(^|[.\]}])_additional_properties_*$/.test(path)) continue;
    const note = "members that the schema does not name";
    lines.push({ path, writer: "other members", note, decide: false, type, nullable });
  }
  return {
    subject: registered.subject ?? "",
    version: registered.version ?? null,
    id: registered.id,
    converter: format.converter,
    lines: worthSaying(lines),
    columns: columns && new Schema(columns.fields.filter(isDeclared).map((field) => cures.renamed(field))),
    columnsJson: [...cures.jsonPaths],
    renames: cures.renames,
    notes: format.notes,
    refused,
  };
}

/** Names alike are the one thing that is left and that messages of converters say no cure of: they know of none. */
function withAdvice({ message, details: { reason } }: DataError): string {
  return reason === "ambiguous names" || reason === "duplicate column name"
    ? `${message}. A table's columns are told apart in any case of letters: one of them needs another name in the schema`
    : message;
}

interface Format {
  readonly converter: MappingReport["converter"];
  columns(jsonPaths: ReadonlySet<string>): readonly Field[];
  fields(jsonPaths: ReadonlySet<string>): WriterField[];
  readonly notes: readonly string[];
}

function formatOf({ schemaType, schema }: RegisteredSchema, references: readonly NamedReference[]): Format {
  const files = references.map(({ name, schema }) => ({ name, text: schema.schema }));
  switch (schemaType) {
    case "AVRO": {
      const type = parseSchema(schema, references.map(({ schema }) => schema.schema));
      return {
        converter: "avro",
        columns: (jsonPaths) => rowFields(type, { timestampNanos: "long", jsonPaths }),
        fields: (jsonPaths) => avroFields(type, schema, jsonPaths),
        notes: [],
      };
    }
    case "PROTOBUF": {
      // The first message is what producers of one message a file mean.
      const proto = parseProto(schema, fromReferences(files));
      const message = proto.messageAt([0]);
      const [first, ...others] = proto.messageNames;
      return {
        converter: "protobuf",
        notes: others.length === 0 ? [] : [
          `this is ${first}, the schema's first message; records say which one they are, and others (${
            others.join(", ")
          }) have other columns`,
        ],
        columns: (jsonPaths) => protobufRowFields(message, jsonPaths),
        fields: (jsonPaths) => protobufFields(message, jsonPaths),
      };
    }
    case "JSON":
      return {
        converter: "json-schema",
        columns: (jsonPaths) => columnsOfJsonSchema(schema, files, jsonPaths).fields,
        fields: (jsonPaths) => fieldsOfJsonSchema(schema, files, jsonPaths),
        notes: [],
      };
  }
}

const isDeclared = ({ metadata }: Field): boolean => !metadata.has(FIELD_UNDECLARED);

/** Options that make columns of what has none. */
class Cures {
  readonly jsonPaths = new Set<string>();
  readonly #renames = new Map<string, string>();
  readonly #why = new Map<string, string>();

  get renames(): MappingReport["renames"] {
    return [...this.#renames].map(([from, to]) => ({ from, to }));
  }

  noteOf(path: string): string | null {
    return this.#why.get(path) ?? null;
  }

  renamed(field: Field): Field {
    const to = this.#renames.get(field.name);
    return to === undefined ? field : new Field(to, field.type, field.nullable, field.metadata);
  }

  /** Whether there is one. */
  add({ message, details: { reason, fieldPath = "" } }: DataError): boolean {
    if (reason === "recursive schema") return this.#asText(fieldPath, "contains itself: JSON text");
    if (reason === "type not supported" || reason === "empty struct") {
      return this.#asText(fieldPath, `${shortReason(message)}: JSON text`);
    }
    if (reason === "invalid column name" && !this.#isBelow(fieldPath)) return this.#rename(fieldPath);
    if (!["invalid column name", "ambiguous names", "duplicate column name"].includes(reason)) return false;
    const parent = parentOf(fieldPath);
    const why = reason === "invalid column name"
      ? "has a name that no column can have"
      : "has names alike but for case";
    return parent !== null && this.#asText(parent, `${why} (${fieldPath}): JSON text`);
  }

  #asText(path: string, why: string): boolean {
    if (path === "" || this.jsonPaths.has(path)) return false;
    this.jsonPaths.add(path);
    this.#why.set(path, why);
    return true;
  }

  /** A name with a dot is a path, too: it is a column's own where no struct has the part before it. */
  #isBelow(path: string): boolean {
    return parentOf(path) !== null;
  }

  #rename(from: string): boolean {
    const to = from.replaceAll(/[ ,;{}()\n\t=]+/g, "_");
    // The option's syntax has no place for it, and blanks at the ends are cut.
    if (this.#renames.has(from) || from === "" || from.includes(":") || from.trim() !== from) return false;
    this.#renames.set(from, to);
    this.#why.set(from, `no column can have this name: ReplaceField renames it to ${to}`);
    return true;
  }
}

function shortReason(message: string): string {
  return /: ([^;]*?)(?:, expected [^;]*)?(?:;|$)/.exec(message)?.[1] ?? message;
}

function parentOf(path: string): string | null {
  const at = path.lastIndexOf(".");
  return at < 0 ? null : path.slice(0, at);
}

/** All columns by path, nested ones too. */
function columnsByPath(fields: readonly Field[]): Map<string, Field> {
  const out = new Map<string, Field>();
  const visit = (field: Field, path: string): void => {
    out.set(path, field);
    const children = (field.type.children ?? []) as Field[];
    if (field.type.typeId === Type.Struct) { for (const child of children) visit(child, `${path}.${child.name}`); }
    else if (field.type.typeId === Type.Map) visit((children[0].type.children as Field[])[1], `${path}{}`);
    else if (children.length > 0) visit(children[0], `${path}[]`);
  };
  for (const field of fields) visit(field, field.name);
  return out;
}
