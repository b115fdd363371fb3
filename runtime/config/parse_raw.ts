/**
 * From raw configuration to parsed options: where a configuration is read, and again on every thread.
 *
 * @module
 */
import type { ConfigDef } from "../api/config_def.ts";
import { ConfigError, type ConfigProblem } from "../api/errors.ts";
import { checkBudgets } from "./budgets.ts";
import { checkHttp } from "./check_http.ts";
import { checkSecurity } from "./check_security.ts";
import { INSTANCE_OPTIONS } from "./instance_options.ts";
import { optionOf, parseKeys, unknownKey } from "./parse_config.ts";
import { fromText, type RawConfig, type RawKeys } from "./raw.ts";
import { type Instance, type NamedPlugin, type Plugins, resolveInstance } from "./resolve_instance.ts";
import { isPassedOn, WORKER_OPTIONS, type WorkerValues } from "./worker_options.ts";

/** A configuration, parsed; `raw` is plain data from which a thread parses the same again. */
export interface ReadConfig<Predicate extends NamedPlugin = NamedPlugin> {
  readonly worker: WorkerValues;
  /** Those that were picked. */
  readonly instances: readonly Instance<Predicate>[];
  readonly raw: RawConfig;
}

/** Parses raw configuration whose references are resolved, as it comes from `readConfig().raw`. */
export function parseRaw<Predicate extends NamedPlugin>(
  raw: RawConfig,
  plugins: Plugins<Predicate>,
  problems: ConfigProblem[] = [],
): ReadConfig<Predicate> {
  const worker = parseWorker(raw.worker, plugins, problems);
  const instances: Instance<Predicate>[] = [];
  for (const [name, keys] of raw.connectors) {
    const instance = resolveInstance(name, keys, raw.worker, plugins, problems);
    if (instance) instances.push(instance);
  }
  if (problems.length === 0) checkBudgets(worker, instances, problems);
  if (problems.length > 0) throw new ConfigError(withoutRepeats(problems));
  return { worker, instances, raw };
}

/** Whether a bare key is the worker's. Converters are an instance's; the worker's serve as defaults. */
export function isWorkerKey(key: string): boolean {
  return optionOf(WORKER_OPTIONS, key) !== null && !/\.converter$/.test(key);
}

function parseWorker(keys: RawKeys, { connectors, converters }: Plugins, problems: ConfigProblem[]): WorkerValues {
  const passedOn: ConfigDef = Object.assign({}, ...converters.map((converter) => converter.options));
  const known = [...Object.keys(WORKER_OPTIONS), ...Object.keys(passedOn).filter(isPassedOn)];
  for (const [key, entry] of keys) {
    const isKnown = optionOf(WORKER_OPTIONS, key) !== null || (isPassedOn(key) && optionOf(passedOn, key) !== null) ||
      /^(key|value|header)\.converter\./.test(key);
    if (isKnown) continue;
    const problem = unknownKey(key, entry, known, "");
    const isMisplaced = [INSTANCE_OPTIONS, ...connectors.map(({ options }) => options)].some((def) =>
      optionOf(def, key)
    );
    const why = `is no option of the worker, but one of connectors: put it below connectors.NAME${fromText(entry)}`;
    problems.push(isMisplaced ? { ...problem, why } : problem);
  }
  const values = parseKeys(WORKER_OPTIONS, keys, "", problems);
  checkSecurity(values, keys, problems);
  checkHttp(values, keys, problems);
  return values;
}

/** Once each; what two parts refuse as unknown, as the one has it that says more. */
function withoutRepeats(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Set<string>();
  const saysLess = ({ key, why }: ConfigProblem) =>
    problems.some((other) => other.key === key && other.why.length > why.length && other.why.startsWith(`${why};`));
  return problems.filter((problem) => {
    const same = `${problem.key}\0${problem.why}`;
    return !saysLess(problem) && !seen.has(same) && seen.add(same);
  });
}
