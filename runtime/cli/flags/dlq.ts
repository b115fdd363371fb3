/**
 * The flags of `dlq`: dead-letter triage.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function dlqCommands(_program: Command, _context: CliContext, _done: (code: number) => void): void {
}
