/**
 * Configurations as the program would read them, with everything that it can choose from.
 *
 * @module
 */
import { plugins } from "../../runtime/cli/parts.ts";
import { type ReadConfig, readConfig } from "../../runtime/config/read_config.ts";

/** What references in the text may name. */
export interface Surroundings {
  readonly environment?: Readonly<Record<string, string>>;
  /** Texts by path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Parses the text of a YAML file; throws ConfigError where the program would refuse it. */
export function readYaml(text: string, { environment = {}, files = {} }: Surroundings = {}): Promise<ReadConfig> {
  const path = "sluice.yaml";
  const readTextFile = (wanted: string) => {
    const found = wanted === path ? text : files[wanted];
    return found === undefined ? Promise.reject(new Deno.errors.NotFound(wanted)) : Promise.resolve(found);
  };
  return readConfig({ path, environment, readTextFile }, plugins);
}
