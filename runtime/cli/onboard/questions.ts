/**
 * Questions with defaults, where there is somebody to answer.
 *
 * @module
 */
import { FatalError } from "../../api/mod.ts";

/**
 * Asks; an empty answer is the default. Asks again where `problem` says what is wrong with an answer. Throws FatalError where
 * there is no answer: Ctrl-C, or the end of the input.
 */
export type Ask = (question: string, otherwise: string, problem?: (answer: string) => string | null) => string;

/** Null where nobody sits at a terminal. */
export function asker(): Ask | null {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return null;
  return askBy(prompt, console.log);
}

/** `read` gives a line, null at the input's end. */
export function askBy(read: (question: string) => string | null, say: (text: string) => void): Ask {
  return (question, otherwise, problem) => {
    for (;;) {
      const line = read(`${question} [${otherwise}]`);
      if (line === null) throw new FatalError(`Cannot go on: "${question}" was not answered`);
      const answer = line.trim() === "" ? otherwise : line.trim();
      const why = problem?.(answer) ?? null;
      if (why === null) return answer;
      say(`  ${answer} is no use: ${why}`);
    }
  };
}
