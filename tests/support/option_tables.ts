/**
 * The option tables in the markdown files, from the declarations. As a program it prints them into the files, and the tables
 * of metrics into theirs.
 *
 * @module
 */
import { deltaSink } from "../../connectors/delta-sink/mod.ts";
import type { ConfigDef } from "../../mod.ts";
import { INSTANCE_OPTIONS } from "../../runtime/config/instance_options.ts";
import { withOptionTables } from "../../runtime/config/render_options.ts";
import { WORKER_OPTIONS } from "../../runtime/config/worker_options.ts";
import { avroConverter } from "../../schemas/avro/mod.ts";
import { jsonConverter } from "../../schemas/json/mod.ts";
import { ownOptions as jsonSchemaOptions } from "../../schemas/json/registered/mod.ts";
import { ownOptions as protobufOptions } from "../../schemas/protobuf/mod.ts";
import { ruleOptions } from "../../schemas/rules/rule_options.ts";
import { metricTables } from "./metric_tables.ts";

/** By the name in `<!-- options:NAME -->`. */
const TABLES: Readonly<Record<string, ConfigDef>> = {
  "worker": WORKER_OPTIONS,
  "instance": INSTANCE_OPTIONS,
  "delta-sink": deltaSink.options,
  "avro": avroConverter.options,
  "protobuf": protobufOptions,
  "json": jsonConverter.options,
  "json-schema": jsonSchemaOptions,
  "rules": ruleOptions,
};

const ROOT = new URL("../../", import.meta.url);

/** Every markdown file that holds tables: what it holds, and what it should hold. */
export async function* optionTables(folder = ROOT): AsyncGenerator<{ url: URL; held: string; wanted: string }> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    if (isDirectory && !name.startsWith(".") && name !== "node_modules" && name !== "data") {
      yield* optionTables(new URL(`${name}/`, folder));
    } else if (isFile && name.endsWith(".md")) {
      const url = new URL(name, folder);
      const held = await Deno.readTextFile(url);
      if (held.includes("<!-- options:")) yield { url, held, wanted: withOptionTables(held, TABLES) };
    }
  }
}

/** Tables as they are without the blanks that a formatter moves. */
export function unaligned(markdown: string): string {
  return markdown.replace(/[ \t]+/g, " ").replace(/-{3,}/g, "---").replace(/\| ?(---)(?= ?\|)/g, "|---")
    .replace(/---\s\|/g, "---|");
}

if (import.meta.main) {
  for await (const { url, wanted } of optionTables()) await Deno.writeTextFile(url, wanted);
  const { url, wanted } = await metricTables();
  await Deno.writeTextFile(url, wanted);
}
