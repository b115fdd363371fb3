/**
 * The flags of `schemas check`, `schemas register`, `table ddl`.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function schemasCommands(_program: Command, _context: CliContext, _done: (code: number) => void): void {
}
