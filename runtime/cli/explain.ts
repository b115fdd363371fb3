/**
 * `explain`: what each option resolved to, and where that came from.
 *
 * @module
 */
import { explainConfig, type ExplainedOption } from "../config/explain.ts";
import { readConfig } from "../config/read_config.ts";
import type { CliContext } from "./command_line.ts";

/** The flags that `validate` and `explain` share. */
export interface ConfigFlags {
  readonly config: string;
  readonly set: readonly string[];
  readonly connector?: string;
  readonly name?: string;
  readonly json: boolean;
}

/** Returns the exit code. */
export async function explain(flags: ConfigFlags & { readonly given: boolean }, context: CliContext): Promise<number> {
  const config = await readConfig(sourceOf(flags), context.plugins);
  const { worker, connectors } = explainConfig(config);
  if (flags.json) {
    console.log(JSON.stringify({ worker, connectors }));
    return 0;
  }
  const blocks = [["worker", worker] as const, ...Object.entries(connectors)];
  for (const [name, rows] of blocks) {
    const shown = flags.given ? rows.filter(({ from, note }) => from !== "default" || note) : rows;
    console.log(`${name === "worker" ? "worker" : `connectors.${name}`}\n${table(shown)}\n`);
  }
  return 0;
}

/** Where the configuration is read from. */
export function sourceOf({ config, set, connector, name }: ConfigFlags) {
  const environment = Deno.env.toObject();
  return { path: config, sets: set, connector, name, environment, readTextFile: Deno.readTextFile };
}

function table(rows: readonly ExplainedOption[]): string {
  const cells = rows.map(({ key, value, from, note }) => [key, value ?? "-", from, note ? `(${note})` : ""]);
  const widths = [0, 1, 2].map((i) => Math.min(48, Math.max(...cells.map((row) => row[i].length), 0)));
  return cells.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd()).join("\n");
}
