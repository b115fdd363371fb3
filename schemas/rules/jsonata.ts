/**
 * Rules in JSONata over a message as JSON, one at a time; loaded only where a schema has such rules.
 *
 * @module
 */
import jsonata from "jsonata";

/** What an expression gives; rejects where it cannot be evaluated. Undefined: nothing. */
export type EvaluateJson = (message: unknown) => Promise<unknown>;

/**
 * What an expression may take for a message: functions that call themselves without an end are failures of the rule, not
 * of the task. Time is generous: a machine may stand still for a while.
 */
const LIMITS = { stack: 2_000, sequence: 1_000_000, timeout: 60_000 };

/** Compiles an expression. Throws Error for what is none. */
export function compileJsonata(text: string): EvaluateJson {
  let expression: jsonata.Expression;
  try {
    expression = jsonata(text, LIMITS);
  } catch (error) {
    throw new Error(messageOf(error));
  }
  return async (message) => {
    try {
      return await expression.evaluate(message);
    } catch (error) {
      throw new Error(messageOf(error));
    }
  };
}

/** What the library throws is no Error, but has a message. */
function messageOf(error: unknown): string {
  const { message } = error as { message?: unknown };
  return typeof message === "string" ? message : String(error);
}
