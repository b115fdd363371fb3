/**
 * The configuration that is written: YAML with the reasons as comments.
 *
 * @module
 */

/** A line of the configuration. */
export type YamlLine =
  /** An option: with a reason behind it, or commented out. */
  | { readonly key: string; readonly value: string | readonly string[]; readonly why?: string; readonly off?: boolean }
  | { readonly comment: string }
  | { readonly key: string; readonly below: readonly YamlLine[] };

const WIDTH = 116;

/** The text. */
export function yamlText(lines: readonly YamlLine[], indent = ""): string {
  return lines.map((line) => lineText(line, indent)).join("");
}

function lineText(line: YamlLine, indent: string): string {
  if ("comment" in line) return commentText(line.comment, indent);
  if ("below" in line) return `${indent}${scalar(line.key)}:\n${yamlText(line.below, `${indent}  `)}`;
  const { key, value, why, off = false } = line;
  const text = `${off ? "# " : ""}${scalar(key)}: ${typeof value === "string" ? scalar(value) : list(value)}`;
  if (why === undefined) return `${indent}${text}\n`;
  const behind = `${indent}${text} # ${why}`;
  return behind.length <= WIDTH ? `${behind}\n` : `${commentText(why, indent)}${indent}${text}\n`;
}

function commentText(comment: string, indent: string): string {
  const out: string[] = [];
  let line = "";
  for (const word of comment.replaceAll(/\s+/g, " ").trim().split(" ")) {
    if (line !== "" && indent.length + line.length + word.length + 3 > WIDTH) {
      out.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...out, line].map((each) => `${indent}# ${each}\n`).join("");
}

/** Plain where YAML reads it as the text that it is, else quoted. */
export function scalar(text: string): string {
  const isPlain = /^[A-Za-z0-9_./][A-Za-z0-9_./:${}()@+-]*$/.test(text) && !text.endsWith(":") &&
    !/^(true|false|yes|no|on|off|null|y|n|nan|inf|\.nan|\.inf)$/i.test(text) &&
    (!/^[-+.\d]/.test(text) || /^(0|[1-9]\d*)$/.test(text) || /^\.{0,2}\//.test(text) ||
      /^\d+(s|m|h|ms|MiB|KiB)$/.test(text) || /^\d+\.\d+\.\d+\.\d+:\d+$/.test(text));
  return isPlain ? text : JSON.stringify(text);
}

function list(values: readonly string[]): string {
  return `[${values.map((value) => (/[,[\]{}]/.test(value) ? JSON.stringify(value) : scalar(value))).join(", ")}]`;
}
