/**
 * `table ddl`: how engines read a table that is there, or one that a configuration would make.
 *
 * @module
 */
import { ConfigError, FatalError } from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { createLog } from "../log.ts";
import type { CliContext } from "./command_line.ts";
import { registryConfig, storageAccess } from "./table.ts";
import type { DdlAsked, DdlEngine } from "./table_tools.ts";

/** The flags. */
export interface DdlFlags {
  readonly engine: string;
  readonly name?: string;
  readonly subject?: string;
  readonly registry?: string;
  readonly config?: string;
  readonly connector?: string;
  readonly set: readonly string[];
}

const ENGINES: readonly DdlEngine[] = ["spark", "trino", "duckdb"];

/** Prints the statements; returns the exit code. */
export async function ddl(uri: string | undefined, flags: DdlFlags, context: CliContext): Promise<number> {
  const engine = ENGINES.find((known) => known === flags.engine);
  if (!engine) throw new ConfigError([{ key: "--engine", value: flags.engine, why: `must be ${ENGINES.join(", ")}` }]);
  const asked = { engine, name: flags.name ?? null };
  if (flags.subject !== undefined) console.log(await ofSubject(uri, flags.subject, flags, asked, context));
  else if (uri !== undefined) {
    const tools = await context.tables();
    const text = await tools.ddlOfTable(uri, asked, storageAccess(tools, flags.set));
    if (text === null) {
      throw new FatalError(`Cannot describe "${uri}": there is no Delta table; for one that is to be, give --subject`);
    }
    console.log(text);
  } else {
    throw new ConfigError([{
      key: "URI",
      why: "is missing: name a table, or --subject SUBJECT@VERSION for one that is to be",
    }]);
  }
  return 0;
}

/** At a place that is given: the schema's own columns. Else as the configuration makes them, partition columns and all. */
async function ofSubject(
  uri: string | undefined,
  given: string,
  flags: DdlFlags,
  asked: DdlAsked,
  context: CliContext,
): Promise<string> {
  const [, subject, text] = /^(.+)@(\d+|latest)$/.exec(given) ?? [];
  if (!subject) {
    throw new ConfigError([{ key: "--subject", value: given, why: "must be SUBJECT@VERSION, e.g. orders-value@2" }]);
  }
  const version = text === "latest" ? text : Number(text);
  const tools = await context.tables();
  if (uri !== undefined) {
    const config = await registryConfig(tools.registryOptions, flags.registry, flags.config ?? "sluice.yaml");
    const log = createLog({ level: "error", format: "text" });
    const parts = { fetch, clock: systemClock, random: Math.random, log };
    const columns = await tools.columnsOfSubject({ config, subject, version }, parts);
    return tools.ddlOfColumns({ uri, columns, partitionColumns: [] }, asked);
  }
  const { targetOfSubject } = await import("./schemas/target_of_subject.ts");
  const target = await targetOfSubject({ ...flags, subject }, version, context);
  return tools.ddlOfColumns(target, asked);
}
