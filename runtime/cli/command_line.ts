/**
 * The commands and their flags; each command is a file of its own, loaded when it is called.
 *
 * Exit codes: 0 done, 1 failed while running, 2 configuration refused.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { ConfigError, DataError, FatalError, RetriableError } from "../api/mod.ts";
import type { Plugins } from "../config/resolve_instance.ts";
import type { TaskThreads } from "../task_thread.ts";
import { configCommands } from "./flags/config.ts";
import { dlqCommands } from "./flags/dlq.ts";
import { onboardCommands } from "./flags/onboard.ts";
import { pluginsCommands } from "./flags/plugins.ts";
import { schemasCommands } from "./flags/schemas.ts";
import { printable } from "./printable.ts";
import type { TableTools } from "./table_tools.ts";

/** What commands are given. */
export interface CliContext {
  readonly plugins: Plugins;
  readonly threads: TaskThreads;
  /** Loads what the commands about tables need. */
  readonly tables: () => Promise<TableTools>;
}

/** Runs one command; returns the exit code. Errors go to stderr. */
export async function runCommandLine(args: readonly string[], context: CliContext): Promise<number> {
  let code = 0;
  const program = commands(context, (result) => code = result);
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has said why
    return report(error);
  }
}

/** For flags that may be given again and again. */
export const collect = (value: string, all: readonly string[]): string[] => [...all, value];

const SET_S3 = "how to reach a table on S3, e.g. s3.endpoint=http://127.0.0.1:19000; else as AWS_... variables say";

function commands(context: CliContext, done: (code: number) => void): Command {
  const program = new Command("sluice").description("Kafka to Delta Lake, exactly once.").exitOverride();

  program.command("start")
    .description(
      "run the configured connectors, and those that come over HTTP; without a configuration, the quickstart",
    )
    .option("--connector <kind>", "only connectors of this kind, e.g. delta-sink")
    .option("--config <file>", "YAML, .properties or JSON; ./sluice.yaml where there is one")
    .option("--set <key=value>", "set an option, over the file", collect, [])
    .option("--name <instance>", "run only this instance of the configuration")
    .option("--until-caught-up", "drain to the ends that the topics have now, print a JSON result, exit", false)
    .option("--max-duration <time>", "end a drain after this long, e.g. 30s, with what is committed by then")
    .option("--profile", "print at the end, to stderr, which stages the tasks' time went to", false)
    .option("--keep", "quickstart: leave Kafka and the registry running", false)
    .action(async (options) => done(await (await import("./start.ts")).start(options, context)));

  const services = program.command("services")
    .description("a local Kafka, Schema Registry and object store (S3), for development");
  for (const action of ["up", "down", "status"] as const) {
    const command = services.command(action)
      .option("--instance <name>", "one of several sets that run side by side", "default")
      .action(async (options) => done(await (await import("./services_command.ts")).services(action, options)));
    if (action !== "up") continue;
    command.option("--object-store", "fail where the object store cannot be had")
      .option("--no-object-store", "leave it out; else it is started where it is built, or Go is there to build it");
  }

  const table = program.command("table").description("look at and change Delta tables");
  table.command("inspect <uri>")
    .description("version, rows, files, schema, properties, offsets, last commits")
    .option("--json", "as JSON", false)
    .option("--set <key=value>", SET_S3, collect, [])
    .action(async (uri, options) => done(await (await import("./table.ts")).inspect(uri, options, context)));
  table.command("schema").description("change a table's schema").command("apply <uri>")
    .description("add the columns of a registered schema to the table")
    .requiredOption("--subject <subject@version>", "the schema in the registry, e.g. orders-value@2")
    .option("--registry <url>", "the registry; schema.registry.url of ./sluice.yaml else")
    .option("--config <file>", "where to find schema.registry.url")
    .option("--set <key=value>", SET_S3, collect, [])
    .action(async (uri, options) => done(await (await import("./table.ts")).applySchema(uri, options, context)));

  program.command("health")
    .description("ask a running worker whether it does its work; exits with 0 or 1, for health checks of containers")
    .option("--url <url>", "where it serves HTTP", "http://127.0.0.1:8083")
    .action(async (options) => done(await (await import("./health.ts")).health(options)));

  for (const declare of [onboardCommands, configCommands, schemasCommands, dlqCommands, pluginsCommands]) {
    declare(program, context, done);
  }
  return program;
}

/** One clear message; a bug keeps its trace. */
export function report(error: unknown): number {
  if (error instanceof ConfigError) {
    console.error(printable(`The configuration is refused:\n${error.problems.map(problemText).join("\n")}`));
    return 2;
  }
  const known = [FatalError, RetriableError, DataError].some((verdict) => error instanceof verdict);
  console.error(
    known || !(error instanceof Error) ? printable(`Failed: ${error instanceof Error ? error.message : error}`) : error,
  );
  return 1;
}

function problemText({ key, value, why }: ConfigError["problems"][number]): string {
  return value === undefined ? `  ${key}: ${why}` : `  ${key} = ${value}: ${why}`;
}
