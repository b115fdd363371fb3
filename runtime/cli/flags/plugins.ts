/**
 * The flags of `plugins list`, `plugins docs`, `new`.
 *
 * @module
 */
import type { Command } from "commander";
import { type CliContext, collect } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function pluginsCommands(program: Command, context: CliContext, done: (code: number) => void): void {
  const plugins = program.command("plugins").description("what connectors can be made of");
  const about = (command: Command) =>
    command
      .option(
        "--config <file>",
        "with the plugins of others that this configuration names; ./sluice.yaml if there is one",
      )
      .option("--set <key=value>", "set an option, over the file", collect, []);

  about(plugins.command("list"))
    .description("connectors, converters, transforms and predicates: kind, name, version, what they do")
    .option("--json", "as JSON", false)
    .action(async (options) => done(await (await import("../plugins.ts")).listPlugins(options, context)));

  about(plugins.command("docs <name>"))
    .description("the options of a plugin, by its name or its module: ./my_sink.ts")
    .option(
      "--kind <kind>",
      "connector, converter, header converter, transform or predicate, where several have the name",
    )
    .option("--markdown", "as a table for a README", false)
    .option("--json", "as JSON, the options as the REST API describes them", false)
    .action(async (name, options) => done(await (await import("../plugins.ts")).pluginDocs(name, options, context)));

  const create = program.command("new").description("a new plugin of your own: a small project that works at once");
  for (
    const [kind, what] of [
      ["connector", "a connector that posts records over HTTP, in under 100 lines"],
      ["transform", "a transform that drops records without a field"],
      ["converter", "a converter of text with separators"],
    ] as const
  ) {
    create.command(`${kind} <name>`)
      .description(`${what}; its tests and a configuration`)
      .option("--dir <folder>", "where; ./<name> unless told")
      .action(async (name, options) =>
        done(await (await import("../new_plugin.ts")).newPlugin(kind, name, options.dir ?? `./${name}`))
      );
  }
}
