/**
 * Which values of a configuration name a module, and where.
 *
 * @module
 */

/** The kinds of plugins. */
export type PluginKind = "connector" | "converter" | "header converter" | "transform" | "predicate";

/** A path that begins with `./`, `../` or `/`, or a URL. Names of plugins and of Java's classes are neither. */
export function isModuleName(value: string): boolean {
  return /^(\.{1,2}[/\\]|\/|[A-Za-z]:[/\\]|(file|https?|npm|jsr|data):)/.test(value);
}

/** The kind of plugin that a key names; null: none. Below `per.topic.<topic>.` keys mean what they mean bare. */
export function kindOfKey(key: string): PluginKind | null {
  if (key === "connector" || key === "connector.class") return "connector";
  const match = /(?:^|\.)(?:(?:key|value|(header))\.(?:converter)|(?:(transforms)|predicates)\.[^.]+\.type)$/.exec(key);
  if (!match) return null;
  if (match[0].endsWith("converter")) return match[1] ? "header converter" : "converter";
  return match[2] ? "transform" : "predicate";
}

/** An instance's name by that of its connector's module: `./my_sink.ts` and `./my_sink/mod.ts` give my_sink. */
export function instanceName(module: string): string {
  const parts = module.replace(/[?#].*$/, "").split(/[/\\:]/).filter((part) => !/^(\.*|mod\.[jt]sx?|)$/.test(part));
  return (parts.at(-1) ?? "custom").replace(/\.[cm]?[jt]sx?$/, "").replace(/[^A-Za-z0-9._-]/g, "-");
}
