/**
 * The flags of `onboard` and `plan`: from a registry subject to a pipeline, and a preview of its table.
 *
 * @module
 */
import type { Command } from "commander";
import { type CliContext, collect } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function onboardCommands(program: Command, context: CliContext, done: (code: number) => void): void {
  program.command("onboard")
    .description("from a subject of the registry to a configuration, and to rows")
    .option("--registry <url>", "the Schema Registry; else SLUICE_SCHEMA_REGISTRY_URL, else that of ./sluice.yaml")
    .option("--bootstrap <host:port>", "Kafka's brokers; else SLUICE_BOOTSTRAP_SERVERS, else those of ./sluice.yaml")
    .option("--subject <subject>", "the subject of the values, e.g. orders-value")
    .option("--topic <topic>", "the topic, where the subject's name does not say it, or instead of --subject")
    .option("--all", "every subject <topic>-value whose topic exists, in one connector", false)
    .option("--table <uri>", "where the table is to be; ${topic} stands for the topic's name")
    .option("--out <file>", "where to write the configuration", "./sluice.yaml")
    .option("--force", "write it over a file that exists", false)
    .option("--name <instance>", "the connector's name; the topic's by default")
    .option("--sample <records>", "how many records of each topic to look at", "10000")
    .option("--set <key=value>", "an option of Kafka, the registry or the connector", collect, [])
    .option("--start", "run it at once, until it is stopped", false)
    .option("--until-caught-up", "with --start: drain once, print a JSON result, exit", false)
    .option("--max-duration <time>", "end a drain after this long, e.g. 30s")
    .action(async (options) => done(await (await import("../onboard.ts")).onboard(options, context)));

  program.command("plan")
    .description("what a configuration would make of its topics, from a sample; writes nothing")
    .option("--config <file>", "YAML, .properties or JSON", "./sluice.yaml")
    .option("--connector <kind or name>", "only connectors of this kind, or of this name")
    .option("--name <instance>", "only this connector")
    .option("--sample <records>", "how many records of each topic to look at, over all its partitions", "10000")
    .option("--from <end>", "which: newest, oldest, or half of them each: both", "both")
    .option("--set <key=value>", "set an option, over the file", collect, [])
    .option("--json", "as JSON", false)
    .option("--strict", "exit with 1 where records would be rejected, or a change of a schema is refused", false)
    .action(async (options) => done(await (await import("../plan.ts")).plan(options, context)));
}
