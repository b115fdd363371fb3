/**
 * Commands of the program within this process: one that starts takes seconds where the machine is busy.
 *
 * @module
 */
import { runCommandLine } from "../../runtime/cli/command_line.ts";
import { plugins, tables } from "../../runtime/cli/parts.ts";
import { TaskThreads } from "../../runtime/task_thread.ts";
import type { Ended } from "./program.ts";

/** What a command says and ends with. Calls do not overlap: they share the console. */
export async function called(...args: string[]): Promise<Ended> {
  const said = { log: "", error: "" };
  const { log, error } = console;
  console.log = (text: unknown) => said.log += `${text}\n`;
  console.error = (text: unknown) => said.error += `${text}\n`;
  try {
    const code = await runCommandLine(args, { plugins, tables, threads: new TaskThreads(import.meta.url) });
    return { code, stdout: said.log, stderr: said.error };
  } finally {
    Object.assign(console, { log, error });
  }
}

// deno-lint-ignore no-explicit-any -- what a command printed as JSON
export function printed({ code, stdout, stderr }: Ended): any {
  if (code !== 0) throw new Error(`The command ended with ${code}; it said:\n${stderr}\n${stdout}`);
  return JSON.parse(stdout);
}
