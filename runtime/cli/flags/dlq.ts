/**
 * The flags of `dlq`: dead-letter triage.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function dlqCommands(program: Command, context: CliContext, done: (code: number) => void): void {
  const dlq = program.command("dlq").description("look into dead letters, fix and replay them");

  letterFlags(queueFlags(dlq.command("list")))
    .description("the newest letters")
    .option("--limit <n>", "how many at most", "20")
    .option("--json", "as JSON", false)
    .action(async (options) => done(await (await import("../dlq/list.ts")).list(options, context)));

  letterFlags(queueFlags(dlq.command("groups")), "all")
    .description("letters by stage, reason, schema id and field, and which of them would pass now")
    .option("--check", "try all open letters, not a sample of each group", false)
    .option("--no-try", "try none")
    .option("--json", "as JSON", false)
    .action(async (options) => done(await (await import("../dlq/groups.ts")).groups(options, context)));

  queueFlags(dlq.command("show <place>"))
    .description("a letter whole, by its place: dead-letters-0@17, 0:17, or where its record came from: orders-0@1234")
    .option("--json", "as JSON", false)
    .action(async (place, options) => done(await (await import("../dlq/show.ts")).show(place, options, context)));

  queueFlags(dlq.command("diff [place]"))
    .description("the columns of letters against those of their table, and the command that brings them together")
    .option("--group <id>", "the letters of a group; its first digits are enough")
    .option("--json", "as JSON", false)
    .action(async (place, options) => done(await (await import("../dlq/diff.ts")).diff(place, options, context)));

  letterFlags(queueFlags(dlq.command("export")))
    .description("letters with all that they are to a file: a line or a row each")
    .requiredOption("--out <file>", "FILE.ndjson (bytes in base64), or FILE.parquet")
    .option("--json", "what was done, as JSON", false)
    .action(async (options) => done(await (await import("../dlq/export.ts")).exportLetters(options, context)));

  queueFlags(dlq.command("stats"))
    .description("how many letters, in which state, why, when")
    .option("--json", "as JSON", false)
    .action(async (options) => done(await (await import("../dlq/stats.ts")).stats(options, context)));
}

/** The flags that say which queue. */
export function queueFlags(command: Command): Command {
  return command
    .option("--connector <name>", "the connector whose dead letters these are: an instance's name, or its kind")
    .option("--config <file>", "its configuration; ./sluice.yaml unless told")
    .option("--set <key=value>", "set an option, over the file", also, [])
    .option("--topic <name>", "the dead-letter topic, where the configuration does not name it")
    .option("--bootstrap <servers>", "with --topic, without a configuration: Kafka's address")
    .option("--registry <url>", "with --bootstrap: a Schema Registry to decode values by");
}

/** The flags that choose letters of it. */
export function letterFlags(command: Command, state = "open"): Command {
  return command
    .option("--group <id>", "of a group; its first digits are enough")
    .option("--stage <stage>", "set aside there, e.g. VALUE_CONVERTER")
    .option("--reason <text>", "for that reason, as groups show it")
    .option("--schema-id <id>", "written with that schema")
    .option("--field <path>", "for that field")
    .option("--since <time>", "of records from then on: an instant, or how long ago, e.g. 2h")
    .option("--until <time>", "of records before that")
    .option("--offsets <P:FROM-TO>", "there in the queue, both included; may be repeated", also, [])
    .option("--state <state>", "open, replayed, resolved, quarantined or all", state)
    .option(
      "--where <cel>",
      "CEL over value, key, headers, topic, partition, offset, timestamp, stage, reason, attempts",
    );
}

const also = (value: string, all: readonly string[]): string[] => [...all, value];
