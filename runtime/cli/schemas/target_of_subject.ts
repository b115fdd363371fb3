/**
 * The table that a configuration would make of a version of a subject.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import { FatalError } from "../../api/mod.ts";
import type { CliContext } from "../command_line.ts";
import { type CheckFlags, noTopics, readTopics } from "./check.ts";
import { columnsOf, previewOf } from "./columns.ts";

/** A table that is to be. */
export interface SubjectTarget {
  readonly uri: string;
  readonly columns: Schema;
  readonly partitionColumns: readonly string[];
}

/** By the first topic that has the subject. Throws ConfigError where none has it, FatalError where no table is made of it. */
export async function targetOfSubject(
  flags: CheckFlags & { readonly subject: string },
  version: number | "latest",
  context: CliContext,
): Promise<SubjectTarget> {
  for await (const { pipeline, subjects } of readTopics(flags, context)) {
    const { columns, refused } = await columnsOf(pipeline, await subjects.version(flags.subject, version));
    const preview = columns && await previewOf(pipeline, columns);
    const why = refused ?? preview?.refused ?? null;
    if (why !== null || !preview?.target?.after) {
      throw new FatalError(`Cannot make a table of ${flags.subject}@${version}: ${why ?? "the sink has no previews"}`);
    }
    const { table, after, partitions } = preview.target;
    return { uri: table, columns: after, partitionColumns: Object.keys(partitions[0]?.values ?? {}) };
  }
  throw noTopics(flags);
}
