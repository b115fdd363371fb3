/**
 * The flags of `schemas check`, `schemas register`, `table ddl`.
 *
 * @module
 */
import type { Command } from "commander";
import { type CliContext, collect } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function schemasCommands(program: Command, context: CliContext, done: (code: number) => void): void {
  const schemas = program.command("schemas").description("schemas of the registry against tables, before records come");

  schemas.command("check")
    .description("are the versions of the topics' subjects compatible with their tables and the policy? 0: yes, 1: no")
    .option("--config <file>", "YAML, .properties or JSON; ./sluice.yaml unless told")
    .option("--connector <kind or name>", "only connectors of this kind, or of this name")
    .option("--set <key=value>", "set an option, over the file", collect, [])
    .option("--subject <subject>", "only this subject")
    .option("--file <file>", "check this schema as the next version of --subject, before it is registered")
    .option(
      "--type <type>",
      "what --file is: AVRO, PROTOBUF or JSON; else by its name, or as the subject's versions are",
    )
    .option("--reference <name=subject@version>", "what --file imports; may be repeated", collect, [])
    .option("--json", "as JSON", false)
    .action(async (options) => done(await (await import("../schemas/check.ts")).check(options, context)));

  schemas.command("register <file>")
    .description("register a schema, once the registry and the tables agree with it")
    .requiredOption("--subject <subject>", "the subject, e.g. orders-value")
    .option("--registry <url>", "the registry; schema.registry.url of the configuration else")
    .option("--config <file>", "the connectors that read it; ./sluice.yaml where there is one")
    .option("--connector <kind or name>", "only connectors of this kind, or of this name")
    .option("--type <type>", "AVRO, PROTOBUF or JSON; else by the file's name, or as the subject's versions are")
    .option("--reference <name=subject@version>", "what it imports; may be repeated", collect, [])
    .option("--yes", "do not ask", false)
    .option("--force", "register it although a table does not take it", false)
    .option("--json", "as JSON", false)
    .action(async (file, options) =>
      done(await (await import("../schemas/register.ts")).register(file, options, context))
    );

  const table = program.commands.find((command) => command.name() === "table")!;
  table.command("ddl [uri]")
    .description("the statements by which an engine reads a table, or makes one of a subject's columns")
    .requiredOption("--engine <engine>", "spark, trino or duckdb")
    .option("--name <name>", "what it is called there: TABLE, SCHEMA.TABLE or CATALOG.SCHEMA.TABLE; else as its folder")
    .option(
      "--subject <subject@version>",
      "a table that is to be, e.g. orders-value@2; without a URI, by the configuration",
    )
    .option("--registry <url>", "with --subject and a URI: the registry; schema.registry.url of ./sluice.yaml else")
    .option(
      "--config <file>",
      "with --subject: where table, partition columns and registry are told; else ./sluice.yaml",
    )
    .option("--connector <kind or name>", "with --subject: only connectors of this kind, or of this name")
    .option(
      "--set <key=value>",
      "how to reach a table on S3, e.g. s3.endpoint=...; else as AWS_... variables say",
      collect,
      [],
    )
    .action(async (uri, options) => done(await (await import("../table_ddl.ts")).ddl(uri, options, context)));
}
