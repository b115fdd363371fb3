/**
 * What a fix does to columns: fields are set, cast and dropped, then come the transforms of a file.
 *
 * @module
 */
import { ConfigError } from "../api/mod.ts";
import { loadConfig } from "../config/load.ts";
import { readConfig } from "../config/read_config.ts";
import type { Plugins, TopicSettings } from "../config/resolve_instance.ts";
import type { FixStage } from "../offline_stages.ts";
import { createTransformStage } from "../transform.ts";
import { createFieldChanges } from "./cast_fields.ts";
import type { FixSpec } from "./fix_spec.ts";

/** See the module's doc. */
export interface FixStages {
  readonly whole: FixStage;
  /** What is done to JSON records before they are decoded: what their text can carry. */
  readonly ofJson: FixStage;
  /** And the rest, once they are decoded. */
  readonly afterJson: FixStage;
  /** The transforms that change keys, headers or topics. */
  readonly beyondValues: readonly string[];
}

/** Transforms whose outcome is the same whether it is written as JSON in between or not. */
const TEXTUAL: ReadonlySet<string> = new Set(["Cast", "Filter", "Flatten", "MaskField", "ReplaceField"]);
const NOT_OF_VALUES: ReadonlySet<string> = new Set([
  ...["DropHeaders", "HeaderFrom", "InsertHeader", "RegexRouter", "TimestampRouter", "ValueToKey"],
]);

/** Makes them. Throws ConfigError where the transforms cannot be made. */
export async function createFixStages(
  { sets, casts, drops, transforms }: FixSpec,
  plugins: Plugins,
): Promise<FixStages> {
  const steps = transforms === null ? [] : await transformSteps(transforms, plugins);
  const chain = createTransformStage(steps);
  const setters = sets.length > 0 ? (await import("../cel_columns.ts")).createColumnSetters(sets) : null;
  const change = createFieldChanges(casts, drops);
  const fields: FixStage = (batch, reject) => change(setters ? setters(batch, reject) : batch, reject);
  const whole: FixStage = (batch, reject) => fields(batch, reject).flatMap((each) => chain.transform(each, reject));
  const isTextual = steps.every(({ plugin, side }) => TEXTUAL.has(plugin.name) && side === "value");
  return {
    whole,
    ofJson: isTextual ? whole : fields,
    afterJson: isTextual ? (batch) => [batch] : (batch, reject) => chain.transform(batch, reject),
    beyondValues: steps.filter(({ plugin, side }) => NOT_OF_VALUES.has(plugin.name) || side === "key")
      .map(({ alias, plugin }) => `${alias} (${plugin.name})`),
  };
}

/** The transforms of a file, by the options that they would have in a configuration. */
async function transformSteps(text: string, plugins: Plugins): Promise<TopicSettings["transforms"]> {
  const keys = new Map<string, string>();
  const loaded = loadConfig(text, "--transforms", () => true).worker;
  const file = new Map(
    [...loaded].map((
      [key, { value }],
    ) => [key, Array.isArray(value) ? value.map(String).join(",") : String(value ?? "")]),
  );
  const own = file.get("transforms");
  if (own === undefined) {
    throw new ConfigError([{
      key: "--transforms",
      why: "the file must say transforms: a list of names, and their options",
    }]);
  }
  for (const [key, value] of file) {
    if (!/^(transforms|predicates)(\.|$)/.test(key)) {
      throw new ConfigError([{
        key: `--transforms: ${key}`,
        value,
        why: "the file may hold transforms and predicates alone",
      }]);
    }
    if (key !== "transforms") keys.set(key, value);
  }
  const sets = [
    ...["topics=letters", "value.converter=json", "file.path=.", "bootstrap.servers=localhost:9092"],
    ...["errors.tolerance=all", "errors.skip.acknowledged=true"],
    `transforms=${own}`,
    ...[...keys].map(([key, value]) => `${key}=${value}`),
  ];
  const source = { path: null, sets, connector: "file-sink", environment: {}, readTextFile: Deno.readTextFile };
  const { instances } = await readConfig(source, plugins);
  return instances[0].forTopic("letters").transforms;
}
