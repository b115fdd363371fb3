/**
 * Rules in JSONata over a message as JSON, one at a time; loaded only where a schema has such rules.
 *
 * @module
 */
import jsonata from "jsonata";

/** What an expression gives; rejects where it cannot be evaluated. Undefined: nothing. */
export type EvaluateJson = (message: unknown) => Promise<unknown>;

/** Compiles an expression. Throws Error for what is none. */
export function compileJsonata(text: string): EvaluateJson {
  let expression: jsonata.Expression;
  try {
    expression = jsonata(text);
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
