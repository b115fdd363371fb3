/**
 * Which tables we append to. What we do not implement is refused by name, before a byte is written (Delta protocol,
 * "Requirements for Writers").
 *
 * @module
 */
import { FatalError } from "../../../mod.ts";
import type { Metadata, Protocol } from "./actions.ts";
import { type DeltaField, type DeltaStruct, type DeltaType, parseDeltaSchema } from "./schema.ts";

/** The protocol of a table that needs nothing special: every engine reads it. */
export const DEFAULT_PROTOCOL: Protocol = { minReaderVersion: 1, minWriterVersion: 2 };

const READER_VERSION_MAX = 3;
const WRITER_VERSION_MAX = 7;

/** Blind appends keep to these features, used or not; what must not be in use is checked by `problemsOf`. */
const WRITER_FEATURES = new Set([
  "appendOnly",
  "changeDataFeed",
  "checkConstraints",
  "columnMapping",
  "deletionVectors",
  "domainMetadata",
  "generatedColumns",
  "identityColumns",
  "invariants",
  "timestampNtz",
  "vacuumProtocolCheck",
]);

/** The features that the numbers stood for, before 3/7 listed them. */
const LEGACY_WRITER_FEATURES: readonly (readonly [number, string])[] = [
  [2, "appendOnly"],
  [2, "invariants"],
  [3, "checkConstraints"],
  [4, "changeDataFeed"],
  [4, "generatedColumns"],
  [5, "columnMapping"],
  [6, "identityColumns"],
];

/** Throws FatalError, with all reasons at once, unless we can append to such a table. */
export function assertWritable(table: string, protocol: Protocol, metadata: Metadata): void {
  const problems = [...protocolProblems(protocol), ...propertyProblems(metadata), ...schemaProblems(metadata)];
  if (problems.length > 0) throw new FatalError(`Cannot write to table "${table}": ${problems.join("; ")}`);
}

/** Whether the table may have `timestamp_ntz` columns. */
export function allowsTimestampNtz({ writerFeatures }: Protocol): boolean {
  return writerFeatures?.includes("timestampNtz") ?? false;
}

/** The protocol raised so that it may: 3/7, which lists what the old numbers stood for. */
export function withTimestampNtz(protocol: Protocol): Protocol {
  const { minReaderVersion, minWriterVersion } = protocol;
  const legacy = minWriterVersion >= WRITER_VERSION_MAX
    ? []
    : LEGACY_WRITER_FEATURES.filter(([version]) => version <= minWriterVersion).map(([, feature]) => feature);
  const mapped = minReaderVersion === 2 ? ["columnMapping"] : [];
  return {
    minReaderVersion: READER_VERSION_MAX,
    minWriterVersion: WRITER_VERSION_MAX,
    readerFeatures: [...new Set([...(protocol.readerFeatures ?? []), ...mapped, "timestampNtz"])],
    writerFeatures: [...new Set([...(protocol.writerFeatures ?? []), ...legacy, "timestampNtz"])],
  };
}

function protocolProblems(protocol: Protocol): string[] {
  const { minReaderVersion, minWriterVersion, readerFeatures = [], writerFeatures = [] } = protocol;
  if (minReaderVersion > READER_VERSION_MAX || minWriterVersion > WRITER_VERSION_MAX) {
    return [
      `it needs protocol ${minReaderVersion}/${minWriterVersion}, supported are up to ` +
      `${READER_VERSION_MAX}/${WRITER_VERSION_MAX}`,
    ];
  }
  const unknown = [...new Set([...readerFeatures, ...writerFeatures])].filter((f) => !WRITER_FEATURES.has(f));
  if (unknown.length === 0) return [];
  return [`it has the table features ${unknown.join(", ")}, which are not supported: drop them, or use another table`];
}

function propertyProblems({ configuration = {}, format }: Metadata): string[] {
  const problems: string[] = [];
  if (format.provider !== "parquet") problems.push(`its files are ${format.provider}, supported is parquet`);
  const constraints = Object.keys(configuration).filter((key) => key.startsWith("delta.constraints."));
  if (constraints.length > 0) {
    problems.push(`it has CHECK constraints (${constraints.join(", ")}), which are not evaluated: drop them`);
  }
  const mode = configuration["delta.columnMapping.mode"] ?? "none";
  if (mode !== "none") problems.push(`delta.columnMapping.mode is ${mode}, supported is none: use another table`);
  const retention = configuration["delta.setTransactionRetentionDuration"];
  if (retention !== undefined) {
    problems.push(
      `delta.setTransactionRetentionDuration is "${retention}", so that offsets would be forgotten and records written ` +
        `twice: unset it (ALTER TABLE ... UNSET TBLPROPERTIES), or use another table`,
    );
  }
  if (configuration["delta.checkpointPolicy"] === "v2") {
    problems.push(`delta.checkpointPolicy is v2, supported is classic: set it to classic`);
  }
  return problems;
}

function schemaProblems({ schemaString }: Metadata): string[] {
  const problems: string[] = [];
  visitFields(parseDeltaSchema(schemaString), "", ({ metadata }, path) => {
    if ("delta.generationExpression" in metadata) problems.push(`column ${path} is generated, which is not evaluated`);
    if ("delta.invariants" in metadata) problems.push(`column ${path} has an invariant, which is not evaluated`);
    if (Object.keys(metadata).some((key) => key.startsWith("delta.identity."))) {
      problems.push(`column ${path} is an identity column, which is not supported`);
    }
  });
  return problems;
}

function visitFields(type: DeltaType, prefix: string, visit: (field: DeltaField, path: string) => void): void {
  if (typeof type === "string") return;
  if (type.type === "array") return visitFields(type.elementType, prefix, visit);
  if (type.type === "map") {
    visitFields(type.keyType, prefix, visit);
    return visitFields(type.valueType, prefix, visit);
  }
  for (const field of (type as DeltaStruct).fields) {
    const path = prefix === "" ? field.name : `${prefix}.${field.name}`;
    visit(field, path);
    visitFields(field.type, path, visit);
  }
}
