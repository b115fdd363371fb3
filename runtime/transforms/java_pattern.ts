/**
 * Regular expressions and replacements as Java writes them, as far as JavaScript can read them: leading flags `(?i)`, escaped
 * punctuation, `$1` and `${name}`.
 *
 * @module
 */

/** A compiled expression. */
export interface JavaPattern {
  /** Whether it matches all of a text (Java's `matches()`). */
  matches(text: string): boolean;
  /** Its first match in a text (Java's `find()`). */
  find(text: string): RegExpExecArray | null;
  /** How many groups it has, and their names. */
  readonly groups: number;
  readonly names: ReadonlySet<string>;
}

/** Compiles an expression; null: it is none. */
export function compileJavaPattern(text: string): JavaPattern | null {
  const [, given = "", body] = /^(?:\(\?([ims]+)\))?([^]*)$/.exec(text)!;
  // Java lets any punctuation be escaped, JavaScript only what means something.
  const source = body.replace(
    /\\([^])/g,
    (all, escaped) => escaped === "-" ? "\\x2d" : /[A-Za-z0-9^$\\.*+?()[\]{}|/]/.test(escaped) ? all : escaped,
  );
  const flags = `${given}u`;
  try {
    const whole = new RegExp(`^(?:${source})$`, flags);
    const anywhere = new RegExp(source, flags);
    const groups = new RegExp(`(?:${source})|`, flags).exec("")!;
    return {
      matches: (text) => whole.test(text),
      find: (text) => anywhere.exec(text),
      groups: groups.length - 1,
      names: new Set(Object.keys(groups.groups ?? {})),
    };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}

/** Text, or the group that stands in its place. */
type Part = string | { readonly group: number | string };

/** Compiles a replacement for the groups of a pattern; a text is what is wrong with it. */
export function compileReplacement(
  text: string,
  { groups, names }: JavaPattern,
): ((match: RegExpExecArray) => string) | string {
  const parts: Part[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") {
      if (++at === text.length) return "ends with a backslash that escapes nothing";
      parts.push(text[at]);
    } else if (text[at] !== "$") {
      parts.push(text[at]);
    } else {
      const reference = /^\$(?:\{([A-Za-z][A-Za-z0-9]*)\}|(\d+))/.exec(text.slice(at));
      if (!reference) return "has a $ that is followed by no group: write $1, ${name}, or \\$ for the sign itself";
      const group = reference[1] ?? groupNumber(reference[2], groups);
      if (group === null || typeof group === "string" && !names.has(group)) {
        return `refers to group ${reference[1] ?? reference[2][0]}, which regex does not have`;
      }
      parts.push({ group });
      at += typeof group === "string" ? reference[0].length - 1 : String(group).length;
    }
  }
  return (match) =>
    parts.map((part) =>
      typeof part === "string"
        ? part
        : (typeof part.group === "number" ? match[part.group] : match.groups![part.group]) ?? ""
    ).join("");
}

/** The first digit, and as many more as there are groups for (Java's `Matcher`). */
function groupNumber(digits: string, groups: number): number | null {
  let group = Number(digits[0]);
  if (group > groups) return null;
  for (let i = 1; i < digits.length && group > 0 && group * 10 + Number(digits[i]) <= groups; i++) {
    group = group * 10 + Number(digits[i]);
  }
  return group;
}
