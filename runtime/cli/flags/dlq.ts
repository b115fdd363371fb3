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

  letterFlags(queueFlags(dlq.command("resolve")), null)
    .description("mark letters as done without replaying them")
    .option("--note <text>", "why: kept with each letter")
    .option("--undo", "open again what was resolved", false)
    .option("--wait <time>", "for a run that another process executes, e.g. 10m", "0")
    .option("--json", "as JSON", false)
    .action(async (options) => done(await (await import("../dlq_replay.ts")).resolveLetters(options, context)));

  replayFlags(dlq.command("replay"))
    .action(async (options) => done(await (await import("../dlq_replay.ts")).replayLetters(options, context)));
}

/** Of `replay`: what `--set` and `--schema-id` mean elsewhere are here changes of the letters. */
function replayFlags(command: Command): Command {
  return whichFlags(connectorFlags(command))
    .description(
      "send letters through the pipeline again, as they are or changed, each once whatever happens meanwhile",
    )
    .option("--to <where...>", "sink; topic: the one that each letter came from; topic NAME", ["sink"])
    .option("--dry-run", "only show what would pass and what would not", false)
    .option(
      "--set <field=expression>",
      "set a field (a.b: in a struct) to what CEL makes of the record; may be repeated",
      also,
      [],
    )
    .option(
      "--cast <field:type>",
      "make a field another type: int8 to float64, boolean, string, decimal(P,S); may be repeated",
      also,
      [],
    )
    .option("--drop-field <path>", "leave a field out, e.g. extra or customer.tier; may be repeated", also, [])
    .option("--schema-id <id>", "decode values with this registered schema, whatever they name")
    .option("--transforms <file>", "YAML with transforms and predicates, run before the connector's own")
    .option(
      "--option <key=value>",
      "an option of the connector for these letters, over per.topic too: value.converter=json",
      also,
      [],
    )
    .option("--attempts-max <n>", "a record that was a letter more often is quarantined", "3")
    .option("--include-quarantined", "also those that were quarantined", false)
    .option("--resume", "only finish a run that was interrupted", false)
    .option("--abandon", "give up a run that was interrupted: its letters that are not replayed stay open", false)
    .option("--wait <time>", "for a run that another process executes, e.g. 10m", "0")
    .option("--json", "as JSON", false);
}

/** The flags that say which queue. */
function queueFlags(command: Command): Command {
  return connectorFlags(command)
    .option("--set <key=value>", "set an option, over the file", also, [])
    .option("--bootstrap <servers>", "with --topic, without a configuration: Kafka's address")
    .option("--registry <url>", "with --bootstrap: a Schema Registry to decode values by");
}

/** The flags that say which connector's queue. */
function connectorFlags(command: Command): Command {
  return command
    .option("--connector <name>", "the connector whose dead letters these are: an instance's name, or its kind")
    .option("--config <file>", "its configuration; ./sluice.yaml unless told")
    .option("--topic <name>", "the dead-letter topic, where the configuration does not name it");
}

/** The flags that choose letters of it. */
function letterFlags(command: Command, state: string | null = "open"): Command {
  const states = "open, replayed, resolved, quarantined or all";
  if (state === null) command.option("--state <state>", `${states}; open unless told, with --undo resolved`);
  else command.option("--state <state>", states, state);
  return whichFlags(command).option("--schema-id <id>", "written with that schema");
}

/** The flags that choose letters by what they are. */
function whichFlags(command: Command): Command {
  return command
    .option("--group <id>", "of a group; its first digits are enough")
    .option("--stage <stage>", "set aside there, e.g. VALUE_CONVERTER")
    .option("--reason <text>", "for that reason, as groups show it")
    .option("--field <path>", "for that field")
    .option("--since <time>", "set aside from then on: an instant, or how long ago, e.g. 2h")
    .option("--until <time>", "set aside before that")
    .option("--offsets <P:FROM-TO>", "there in the queue, both included; may be repeated", also, [])
    .option(
      "--where <cel>",
      "CEL over value, key, headers, topic, partition, offset, timestamp, stage, reason, attempts, schema_id",
    );
}

const also = (value: string, all: readonly string[]): string[] => [...all, value];
