/**
 * The flags of `validate` and `explain`.
 *
 * @module
 */
import type { Command } from "commander";
import { type CliContext, collect } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function configCommands(program: Command, context: CliContext, done: (code: number) => void): void {
  const about = (command: Command) =>
    command
      .option("--config <file>", "YAML, .properties or JSON", "./sluice.yaml")
      .option("--connector <kind>", "only connectors of this kind, e.g. delta-sink")
      .option("--name <instance>", "only this connector")
      .option("--set <key=value>", "set an option, over the file", collect, [])
      .option("--json", "as JSON", false);

  about(program.command("validate"))
    .description("everything that is wrong with a configuration; then Kafka, the registry and the target are asked")
    .option("--offline", "read the configuration only", false)
    .action(async (options) => done(await (await import("../validate.ts")).validate(options, context)));

  about(program.command("explain"))
    .description("what each option resolved to, and where from")
    .option("--given", "only what is not a default", false)
    .action(async (options) => done(await (await import("../explain.ts")).explain(options, context)));
}
