/**
 * Changes a table's schema by hand: what `schema.evolution: none` asks somebody to decide.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { type Clock, FatalError } from "../../mod.ts";
import { serializeActions } from "./delta/actions.ts";
import { compareSchemas } from "./delta/compare_schemas.ts";
import { loadSnapshot } from "./delta/load.ts";
import { commitPath } from "./delta/log.ts";
import { allowsTimestampNtz, assertWritable } from "./delta/protocol.ts";
import { arrowToDelta, type DeltaStruct, deltaToArrow, parseDeltaSchema, usesTimestampNtz } from "./delta/schema.ts";
import { fitOf } from "./fit.ts";
import { createProjector } from "./project.ts";
import { type OpenOptions, openStorage } from "./storage/open.ts";

const ATTEMPTS_MAX = 100;

/** Adds the columns of `schema` that the table lacks, nested ones too, all nullable. Returns the version that has them. */
export async function applyTableSchema(
  uri: string,
  schema: Schema,
  { clock, uuid }: { clock: Clock; uuid: () => string },
  options: OpenOptions = {},
): Promise<{ version: bigint; added: readonly string[] }> {
  const storage = openStorage(uri, options);
  const wanted = arrowToDelta(schema);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const snapshot = await loadSnapshot(storage);
    if (snapshot === null) throw new FatalError(`Cannot change the schema of "${uri}": there is no Delta table`);
    const { version, protocol, metadata } = snapshot;
    assertWritable(uri, protocol, metadata);
    const table = parseDeltaSchema(metadata.schemaString);
    const compared = compareSchemas(table, withWiderTypes(table, wanted));
    if (compared.kind === "subset") return { version, added: [] };
    if (compared.kind === "conflict") {
      throw new FatalError(`Cannot change the schema of "${uri}" by adding columns alone: ${compared.diff.join("; ")}`);
    }
    if (usesTimestampNtz(compared.merged) && !allowsTimestampNtz(protocol)) {
      throw new FatalError(
        `Cannot add a timestamp without zone to "${uri}": its protocol does not allow it. Run the connector with ` +
          "schema.evolution: add and allow.protocol.upgrade: true, which raises it",
      );
    }
    const actions = serializeActions([
      {
        commitInfo: {
          timestamp: clock.now(),
          operation: "ADD COLUMNS",
          operationParameters: { columns: JSON.stringify(compared.added) },
          readVersion: version,
          isolationLevel: "Serializable",
          isBlindAppend: false,
          txnId: uuid(),
        },
      },
      { metaData: { ...metadata, schemaString: JSON.stringify(compared.merged) } },
    ]);
    const { kind } = await storage.putIfAbsent(commitPath(version + 1n), actions);
    if (kind === "created") return { version: version + 1n, added: compared.added };
  }
  throw new FatalError(
    `Cannot change the schema of "${uri}": other writers won ${ATTEMPTS_MAX} versions in a row; try again`,
  );
}

/** What is wanted, with the table's types where they hold its own without loss, as they do for records. */
function withWiderTypes(table: DeltaStruct, wanted: DeltaStruct): DeltaStruct {
  if (compareSchemas(table, wanted).kind !== "conflict") return wanted;
  const [columns, rows] = [deltaToArrow(table), deltaToArrow(wanted)];
  if (fitOf(columns, rows).changed.length > 0) return wanted;
  return arrowToDelta(createProjector(columns, rows, "add").schema);
}
