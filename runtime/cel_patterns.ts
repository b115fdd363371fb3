/**
 * The regular expressions of CEL's `matches()`: its library compiles one for each text, which takes thirty times as long as
 * to try it.
 *
 * @module
 */
import { RE2JS } from "@bufbuild/re2";

/** Expressions may come from records: these are as many as are kept. */
const PATTERNS_MAX = 100;

const compiled = new Map<string, RE2JS>();

/** For `celEnv`: the engine that it has, with a memory. Throws where a text is no expression, as the library's own does. */
export const patterns = {
  compile(text: string): RE2JS {
    let pattern = compiled.get(text);
    if (pattern === undefined) {
      if (compiled.size >= PATTERNS_MAX) compiled.delete(compiled.keys().next().value!);
      compiled.set(text, pattern = RE2JS.compile(text));
    }
    return pattern;
  },
};
