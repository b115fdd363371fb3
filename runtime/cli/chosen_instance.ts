/**
 * One instance of a configuration, as commands that work on one choose it.
 *
 * @module
 */
import { ConfigError, type Log } from "../api/mod.ts";
import { type ReadConfig, readConfig } from "../config/read_config.ts";
import type { Instance } from "../config/resolve_instance.ts";
import { type KafkaSettings, kafkaSettings } from "../kafka/settings.ts";
import { kafkaKeys } from "../kafka_keys.ts";
import { createLog } from "../log.ts";
import type { CliContext } from "./command_line.ts";

/** The flags that choose it. */
export interface ChooseFlags {
  readonly config?: string;
  /** An instance's name, or a kind of which there is one. */
  readonly connector?: string;
  readonly set?: readonly string[];
  /** Options of the instance that win over all else, what it says for single topics included. */
  readonly options?: readonly string[];
}

/** An instance, and what is needed to work on it. */
export interface ChosenInstance {
  readonly config: ReadConfig;
  readonly instance: Instance;
  readonly kafka: KafkaSettings;
  /** Warnings and worse, to stderr. */
  readonly log: Log;
}

const DEFAULT_CONFIG = "sluice.yaml";

/** Reads the configuration and picks the instance. Throws ConfigError. */
export async function chooseInstance(flags: ChooseFlags, { plugins }: CliContext): Promise<ChosenInstance> {
  const { connector = null } = flags;
  const source = {
    path: flags.config ?? DEFAULT_CONFIG,
    sets: flags.set ?? [],
    options: flags.options ?? [],
    environment: Deno.env.toObject(),
    readTextFile: Deno.readTextFile,
  };
  const isKind = plugins.connectors.some(({ name }) => name === connector);
  const config = await readConfig({ ...source, ...(isKind ? { connector } : { name: connector }) }, plugins);
  const { instances } = config;
  if (instances.length !== 1) {
    const names = instances.map(({ name }) => name).join(", ");
    throw new ConfigError([{ key: "--connector", value: connector ?? undefined, why: `must be one of ${names}` }]);
  }
  const [instance] = instances;
  return {
    config,
    instance,
    kafka: await kafkaSettings(kafkaKeys(config.worker, instance.values)),
    log: createLog({ level: "warn", format: "text" }),
  };
}
