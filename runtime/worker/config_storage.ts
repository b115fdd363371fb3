/**
 * Where connectors are kept that were created over HTTP, and whether somebody wants them to run (`config.storage`). Keys and
 * values are those of Kafka Connect's config topic.
 *
 * @module
 */
import { FatalError } from "../api/errors.ts";
import type { FlatConfig } from "../worker_api.ts";

/** What somebody wants a connector to be. */
export type TargetState = "RUNNING" | "PAUSED" | "STOPPED";

/** Text by key; a change is there for good once its promise resolves. */
export interface KeyValueStore {
  load(): Promise<ReadonlyMap<string, string>>;
  /** Null: takes it out. Several are in order, and perhaps not in one step. */
  put(entries: readonly (readonly [key: string, value: string | null])[]): Promise<void>;
  close(): Promise<void>;
}

/** What was kept. */
export interface StoredConnectors {
  readonly configs: ReadonlyMap<string, FlatConfig>;
  readonly targets: ReadonlyMap<string, TargetState>;
}

const CONFIG = "connector-";
const TARGET = "target-state-";

/** See the module's doc. */
export class ConfigStorage {
  /** `store` null: nothing is kept. */
  constructor(private readonly store: KeyValueStore | null) {}

  get isKept(): boolean {
    return this.store !== null;
  }

  /** Throws FatalError for what is no entry of ours. */
  async load(): Promise<StoredConnectors> {
    const configs = new Map<string, FlatConfig>();
    const targets = new Map<string, TargetState>();
    for (const [key, value] of await this.store?.load() ?? []) {
      if (key.startsWith(CONFIG)) configs.set(key.slice(CONFIG.length), configOf(key, value));
      else if (key.startsWith(TARGET)) targets.set(key.slice(TARGET.length), targetOf(key, value));
      else throw unknown(key, "its key begins with neither connector- nor target-state-");
    }
    return { configs, targets };
  }

  async putConfig(name: string, config: FlatConfig, target?: TargetState): Promise<void> {
    const entries: [string, string | null][] = [[CONFIG + name, JSON.stringify({ properties: config })]];
    // The state comes first: a connector that is to be stopped must not run for a moment after a crash.
    if (target !== undefined) entries.unshift([TARGET + name, target === "RUNNING" ? null : stateText(target)]);
    await this.store?.put(entries);
  }

  async putTarget(name: string, target: TargetState): Promise<void> {
    await this.store?.put([[TARGET + name, target === "RUNNING" ? null : stateText(target)]]);
  }

  async delete(name: string): Promise<void> {
    await this.store?.put([[CONFIG + name, null], [TARGET + name, null]]);
  }

  async close(): Promise<void> {
    await this.store?.close();
  }
}

function stateText(state: TargetState): string {
  return JSON.stringify({ state });
}

function configOf(key: string, text: string): FlatConfig {
  const { properties } = parse(key, text);
  const isFlat = typeof properties === "object" && properties !== null &&
    Object.values(properties).every((value) => typeof value === "string");
  if (!isFlat) throw unknown(key, "it holds no properties of text");
  return properties as FlatConfig;
}

function targetOf(key: string, text: string): TargetState {
  const { state } = parse(key, text);
  const found = (["RUNNING", "PAUSED", "STOPPED"] as const).find((each) => each === state);
  if (!found) throw unknown(key, `its state is ${JSON.stringify(state)}`);
  return found;
}

function parse(key: string, text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw unknown(key, "it is no JSON object");
}

function unknown(key: string, why: string): FatalError {
  return new FatalError(
    `Cannot read config.storage: ${why}, in the entry "${key}". Name a storage of its own, or mend it`,
  );
}
