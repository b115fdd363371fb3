/**
 * Java's form of a login: `org.apache.kafka...LoginModule required key="value" other='value' third=value;`
 *
 * @module
 */

/** The options of a `sasl.jaas.config`, or null where it is none. */
export function jaasOptions(text: string): Readonly<Record<string, string>> | null {
  const head = /^\s*([\w$]+\.)*[\w$]+\s+(required|requisite|sufficient|optional)(?=[\s;]|$)/.exec(text);
  if (!head) return null;
  const options: Record<string, string> = {};
  // Sticky: what is neither an option nor the end is an error, not skipped.
  const option = /\s*([\w.-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;"']+))/y;
  option.lastIndex = head[0].length;
  let end = head[0].length;
  for (let match = option.exec(text); match; match = option.exec(text)) {
    const [, key, double, single, bare] = match;
    options[key] = (double ?? single)?.replace(/\\(.)/g, "$1") ?? bare;
    end = option.lastIndex;
  }
  return /^\s*;?\s*$/.test(text.slice(end)) ? options : null;
}
