/**
 * Options that several transforms have.
 *
 * @module
 */
import { FatalError, option } from "../api/mod.ts";

/** Connect's option that has no effect here: accepted, so that a configuration moves over as it is. */
export const NULL_DEFAULTS = {
  "replace.null.with.default": option.boolean({
    doc: "As with Connect; without effect: columns have no defaults, a null stays null.",
    default: true,
    importance: "low",
  }),
};

/** For lists that must not be empty. */
export function notEmpty(list: readonly string[]): string | null {
  return list.length === 0 || list.includes("") ? "must name at least one field" : null;
}

/** Stops where options do not go together: for a configuration that nobody checked. */
export function insist(name: string, wrong: string | null): void {
  if (wrong !== null) throw new FatalError(`Cannot make this ${name}: its configuration ${wrong}`);
}
