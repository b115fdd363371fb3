/**
 * Questions with defaults, where there is somebody to answer.
 *
 * @module
 */

/** Asks; an empty answer is the default. */
export type Ask = (question: string, otherwise: string) => string;

/** Null where nobody sits at a terminal. */
export function asker(): Ask | null {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) return null;
  return (question, otherwise) => {
    const answer = prompt(`${question} [${otherwise}]`);
    return answer === null || answer.trim() === "" ? otherwise : answer.trim();
  };
}
