/**
 * The flags of `onboard` and `plan`: from a registry subject to a pipeline, and a preview of its table.
 *
 * @module
 */
import type { Command } from "commander";
import type { CliContext } from "../command_line.ts";

/** Declares the commands; what they do is loaded when one is called. */
export function onboardCommands(_program: Command, _context: CliContext, _done: (code: number) => void): void {
}
