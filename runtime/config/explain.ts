/**
 * What each option of a configuration resolved to, and where that came from.
 *
 * @module
 */
import type { ConfigDef } from "../api/config_def.ts";
import { divideBudgets } from "./budgets.ts";
import { INSTANCE_OPTIONS } from "./instance_options.ts";
import { isSecretKey, optionOf } from "./parse_config.ts";
import type { ReadConfig } from "./parse_raw.ts";
import { type AnyOption, showNumber } from "./parse_value.ts";
import { type RawEntry, type RawKeys, shownValue } from "./raw.ts";
import { type Instance, type NamedPlugin, pluginName } from "./resolve_instance.ts";
import { isPassedOn, WORKER_OPTIONS } from "./worker_options.ts";

/** One option. */
export interface ExplainedOption {
  readonly key: string;
  /** As text; null: nothing. Secrets are `[hidden]`, what came from a reference is the reference; `note` has what it is. */
  readonly value: string | null;
  /** `default`, a file's path, a variable's name, `--set`, or `worker` (its option of the same name). */
  readonly from: string;
  /** What else is to be known: it has no effect, or less than it says. */
  readonly note?: string;
}

/** A configuration, explained. */
export interface Explanation {
  readonly worker: readonly ExplainedOption[];
  readonly connectors: Readonly<Record<string, readonly ExplainedOption[]>>;
}

/** Explains a configuration that is accepted. */
export function explainConfig({ worker, instances, raw }: ReadConfig): Explanation {
  const used = new Set<string>();
  const budgets = divideBudgets(worker, instances);
  const connectors = Object.fromEntries(instances.map((instance) => {
    const own = raw.connectors.get(instance.name) ?? new Map();
    const rows = explainInstance(instance, own, raw.worker, used);
    const { tasksMax, taskMemoryBytes } = budgets.get(instance.name)!;
    return [instance.name, [
      ...rows.map((row) => {
        const { values } = instance;
        if (row.key === "tasks.max" && tasksMax < values["tasks.max"]) {
          return { ...row, note: `worker.threads leaves it ${tasksMax}` };
        }
        if (row.key === "memory.bytes" && taskMemoryBytes < values["memory.bytes"]) {
          return { ...row, note: `worker.memory.bytes leaves each task ${showNumber("bytes", taskMemoryBytes)}` };
        }
        if (row.key === "errors.retry.delay.max.ms" && own.has(row.key) && values["errors.retry.timeout"] === 0) {
          return { ...row, note: "has no effect with errors.retry.timeout = 0" };
        }
        return row;
      }),
    ]];
  }));
  const own = rowsOf(WORKER_OPTIONS, worker, raw.worker, new Map());
  const passed = [...raw.worker].filter(([key]) => optionOf(WORKER_OPTIONS, key) === null)
    .map(([key, entry]) => given(key, null, entry));
  return {
    worker: [...own, ...passed].map((row) =>
      isPassedOn(row.key) && raw.worker.has(row.key) && !used.has(row.key) && instances.length > 0
        ? { ...row, note: "has no effect: every connector sets it, or has no use for it" }
        : row
    ),
    connectors,
  };
}

function explainInstance(
  instance: Instance,
  own: RawKeys,
  worker: RawKeys,
  used: Set<string>,
): ExplainedOption[] {
  // A topic that has no options of its own.
  const base = instance.forTopic("\0");
  const passed: RawKeys = new Map([...worker].filter(([key]) => isPassedOn(key) && !own.has(key)));
  const rows = new Map<string, ExplainedOption>();
  const add = (all: readonly ExplainedOption[]) => {
    for (const row of all) {
      if (!rows.has(row.key)) rows.set(row.key, row);
      if (row.from === "worker") used.add(row.key);
    }
  };
  const { connector: _, ...framework } = INSTANCE_OPTIONS;
  const byClass = own.get("connector") ?? own.get("connector.class");
  add([{ key: "connector", value: instance.plugin.name, from: byClass?.source ?? "default" }]);
  add(rowsOf(framework, base.values, own, passed));
  add(rowsOf(instance.plugin.options, base.connector, own, passed));
  for (const [side, { plugin, config }] of [["key", base.keyConverter], ["value", base.valueConverter]] as const) {
    const at = `${side}.converter.`;
    // What stands below the side holds for it; what is bare holds for both, and is shown once.
    const isBelow = (key: string) => own.has(at + key) || passed.has(at + key);
    const options = Object.entries(plugin.options);
    add(rowsOf(Object.fromEntries(options.filter(([key]) => isBelow(key))), config, own, passed, at));
    add(rowsOf(Object.fromEntries(options.filter(([key]) => !isBelow(key))), config, own, passed));
  }
  if (base.headerConverter) {
    const { plugin, config } = base.headerConverter;
    add(rowsOf(plugin.options, config, own, passed, "header.converter."));
  }
  for (const { alias, plugin, config, predicate, negate } of base.transforms) {
    const at = `transforms.${alias}.`;
    add([named(`${at}type`, plugin, own)]);
    add(rowsOf(plugin.options, config, own, passed, at));
    if (predicate) add([given(`${at}predicate`, null, own.get(`${at}predicate`)!)]);
    if (predicate) {
      add([{ key: `${at}negate`, value: String(negate), from: own.get(`${at}negate`)?.source ?? "default" }]);
    }
  }
  for (const alias of base.values.predicates) {
    const at = `predicates.${alias}.`;
    const isUsed = base.transforms.some(({ alias: of }) => shownAt(own, `transforms.${of}.predicate`) === alias);
    for (const [key, entry] of own) {
      if (!key.startsWith(at)) continue;
      const row = given(key, null, entry);
      add([isUsed ? row : { ...row, note: `has no effect: no transform names the predicate ${alias}` }]);
    }
  }
  for (const [key, entry] of own) {
    if (!key.startsWith("per.topic.")) continue;
    const options = { ...INSTANCE_OPTIONS, ...instance.plugin.options };
    add([given(key, optionOf(options, key.replace(/^per\.topic\..*?\.(?=[a-z])/, "")), entry)]);
  }
  return [...rows.values()];
}

function shownAt(keys: RawKeys, key: string): string | null {
  const entry = keys.get(key);
  return entry ? shownValue(entry) : null;
}

function named(key: string, plugin: NamedPlugin, own: RawKeys): ExplainedOption {
  const entry = own.get(key);
  const given = entry ? shownValue(entry) : plugin.name;
  const isAlias = given !== plugin.name && pluginName(given, [plugin.name]) === plugin.name;
  return { key, value: isAlias ? `${given} (${plugin.name})` : given, from: entry?.source ?? "default" };
}

/** The options of a declaration; maps by what stands below them. */
function rowsOf(
  def: ConfigDef,
  values: Readonly<Record<string, unknown>>,
  own: RawKeys,
  passed: RawKeys,
  prefix = "",
): ExplainedOption[] {
  return Object.entries(def as Readonly<Record<string, AnyOption>>).flatMap(([name, option]): ExplainedOption[] => {
    const key = prefix + name;
    if (option.type === "map") {
      return [...own].filter(([each]) => each.startsWith(`${key}.`)).map(([each, entry]) => given(each, option, entry));
    }
    const entry = own.get(key) ?? passed.get(key);
    const from = entry === undefined ? "default" : own.has(key) ? entry.source : "worker";
    const value = valueText(option, values[name]);
    if (entry?.shown === undefined) return [{ key, value, from }];
    return [{
      key,
      value: entry.shown,
      from,
      ...option.type === "secret" || value === null ? {} : { note: `is ${value}` },
    }];
  });
}

/** What was given, as it was. */
function given(key: string, option: AnyOption | null, entry: RawEntry): ExplainedOption {
  const isHidden = entry.shown === undefined && isSecretKey(option, key);
  return { key, value: isHidden ? "[hidden]" : masked(shownValue(entry)), from: entry.source };
}

function valueText({ type }: AnyOption, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (type === "secret") return "[hidden]";
  if (typeof value === "number") return showNumber(type, value);
  return masked(Array.isArray(value) ? value.join(", ") : String(value));
}

/** User and password of URLs are a secret wherever they stand. */
function masked(text: string): string {
  return text.replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\/@\s,]+@/gi, "$1[hidden]@");
}
