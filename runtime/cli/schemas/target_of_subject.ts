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
  for await (const { instance, pipeline: { topic } } of readTopics(flags, context)) {
    const uri = instance.connectorConfig.forTopic(topic)["table.uri"];
    if (typeof uri !== "string") {
      throw new FatalError(`Cannot make a table of ${flags.subject}: "${instance.name}" has none`);
    }
    // Elsewhere: a table that is there already would say which columns it has.
    const nowhere = `connectors.${instance.name}.table.uri=memory://${crypto.randomUUID()}/\${topic}`;
    const moved = { ...flags, connector: instance.name, set: [...flags.set ?? [], nowhere] };
    const place = uri.replaceAll("${topic}", instance.connectorConfig.routedTopic?.(topic) ?? topic);
    return { ...await madeOf(moved, topic, version, context), uri: place };
  }
  throw noTopics(flags);
}

async function madeOf(
  flags: CheckFlags & { readonly subject: string },
  topic: string,
  version: number | "latest",
  context: CliContext,
): Promise<Omit<SubjectTarget, "uri">> {
  for await (const { pipeline, subjects } of readTopics(flags, context)) {
    if (pipeline.topic !== topic) continue;
    const { columns, refused } = await columnsOf(pipeline, await subjects.version(flags.subject, version));
    const preview = columns && await previewOf(pipeline, columns);
    const why = refused ?? preview?.refused ?? null;
    if (why !== null || !preview?.target?.after) {
      throw new FatalError(`Cannot make a table of ${flags.subject}@${version}: ${why ?? "the sink has no previews"}`);
    }
    const { after, partitions } = preview.target;
    return { columns: after, partitionColumns: Object.keys(partitions[0]?.values ?? {}) };
  }
  throw noTopics(flags);
}
