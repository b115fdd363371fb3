/**
 * The flags of `plugins list`, `plugins docs`, `new`.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function pluginsCommands(_program: Command, _context: CliContext, _done: (code: number) => void): void {
}
