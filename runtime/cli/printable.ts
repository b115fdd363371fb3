/**
 * Text of records on a terminal.
 *
 * @module
 */

/** Control characters, and those that turn the direction of writing. */
// deno-lint-ignore no-control-regex -- they are what is to be taken out
export const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Without what would steer a terminal: records hold anybody's bytes. */
export function printable(text: string): string {
  return text.replace(STEERING, "\ufffd");
}
