/**
 * Configurations for tests of connectors.
 *
 * @module
 */
import type { Config, ConfigDef, Values } from "../../mod.ts";

/** A configuration with these values; for what is left out the declaration's default holds. They are not checked. */
export function configOf<Def extends ConfigDef>(options: Def, given: Partial<Values<Def>>): Config<Def> {
  const values: Record<string, unknown> = {};
  for (const [key, declared] of Object.entries(options)) {
    if (Object.hasOwn(given, key)) values[key] = given[key];
    else if ("default" in declared) values[key] = declared.default;
    else throw new TypeError(`Cannot make a configuration without ${key}: it is required, give it a value`);
  }
  return { values: values as Values<Def>, forTopic: () => values as Values<Def> };
}
