/**
 * Java's `.properties` format, as Kafka Connect's files use it (java.util.Properties, method load).
 *
 * @module
 */

/** One property, in the order of the file. */
export interface Property {
  readonly key: string;
  readonly value: string;
  /** The line that it begins on, from 1. */
  readonly line: number;
}

/** A `\u` escape that is none. */
export class PropertiesSyntaxError extends Error {
  override name = "PropertiesSyntaxError";
}

/** Reads comments (`#`, `!`), continued lines, the separators `=`, `:` and blank, and escapes. */
export function parseProperties(text: string): Property[] {
  const properties: Property[] = [];
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/);
  for (let i = 0; i < lines.length; i++) {
    const start = i;
    let logical = lines[i].replace(/^[ \t\f]+/, "");
    if (logical === "" || logical[0] === "#" || logical[0] === "!") continue;
    while (endsOpen(logical)) {
      logical = logical.slice(0, -1);
      if (i + 1 >= lines.length) break;
      logical += lines[++i].replace(/^[ \t\f]+/, "");
    }
    const split = separator(logical);
    properties.push({
      key: unescaped(logical.slice(0, split.keyEnd), start + 1),
      value: unescaped(logical.slice(split.valueStart), start + 1),
      line: start + 1,
    });
  }
  return properties;
}

/** A line goes on where it ends with an odd number of backslashes. */
function endsOpen(line: string): boolean {
  return /\\*$/.exec(line)![0].length % 2 === 1;
}

/** The key ends at the first `=`, `:` or blank that is not escaped; one `=` or `:` may stand among the blanks. */
function separator(line: string): { keyEnd: number; valueStart: number } {
  let keyEnd = 0;
  while (keyEnd < line.length && !/[=: \t\f]/.test(line[keyEnd])) keyEnd += line[keyEnd] === "\\" ? 2 : 1;
  keyEnd = Math.min(keyEnd, line.length);
  const gap = /^[ \t\f]*[=:]?[ \t\f]*/.exec(line.slice(keyEnd))![0].length;
  return { keyEnd, valueStart: keyEnd + gap };
}

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

function unescaped(text: string, line: number): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|[^])/g, (_, escape: string) => {
    if (escape.length === 5) return String.fromCharCode(parseInt(escape.slice(1), 16));
    if (escape === "u") {
      throw new PropertiesSyntaxError(`"\\u" needs four hexadecimal digits at line ${line}, column 1`);
    }
    return ESCAPES[escape] ?? escape;
  });
}
