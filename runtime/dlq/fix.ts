/**
 * A fix, made: what letters' bytes are decoded with, and what becomes of the decoded columns before they are validated.
 *
 * The order: the schema id and options decide what is decoded; then `set`, `cast`, `drop` and the transforms' file change
 * columns; then come the connector's own rules and transforms.
 *
 * @module
 */
import { type Clock, ConfigError, FatalError, jsonText, type Log, type Retry } from "../api/mod.ts";
import { loadConfig } from "../config/load.ts";
import { readConfig } from "../config/read_config.ts";
import type { Instance, Plugins, TopicSettings } from "../config/resolve_instance.ts";
import { type FixStage, OfflineStages } from "../offline_stages.ts";
import { createTransformStage } from "../transform.ts";
import { changesFields, type FixSpec } from "./fix_spec.ts";
import type { Letter } from "./letter.ts";
import { slabsOfLetters } from "./letter_records.ts";
import type { Refusal } from "./run_work.ts";
import type { Fixed } from "./topic_target.ts";

/** A fix that can be applied. */
export interface Fix {
  /** The instance with the options of the fix. */
  readonly instance: Instance;
  /** Changes decoded columns; absent: nothing is changed. */
  readonly stage: FixStage | undefined;
  /** The letter with the bytes to decode. */
  readonly reframed: (letter: Letter) => Letter;
  /** The letters as records for a topic: changed and encoded anew. */
  readonly records: (letters: readonly Letter[]) => Promise<Fixed>;
}

/** What a fix is made with. */
export interface FixParts {
  /** The connector as it is. */
  readonly instance: Instance;
  /** The connector with other options. */
  readonly load: (options: readonly string[]) => Promise<Instance>;
  readonly plugins: Plugins;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: Retry;
  readonly random: () => number;
}

/** Makes a fix. Throws ConfigError where it cannot be one. */
export async function createFix(spec: FixSpec, parts: FixParts): Promise<Fix> {
  const instance = spec.options.length > 0 ? await parts.load(spec.options) : parts.instance;
  const stage = changesFields(spec) ? await createStage(spec, parts) : undefined;
  const reframed = (letter: Letter) => spec.schemaId === null ? letter : withSchemaId(letter, spec.schemaId);
  return {
    instance,
    stage,
    reframed,
    records: async (letters) => {
      if (!stage) return { letters: new Map(letters.map((letter) => [letter, reframed(letter)])), refused: [] };
      return await encodeAnew(letters, { ...parts, instance }, stage, reframed);
    },
  };
}

/** The value with this id before it, in place of the one that is there; null and other headers stay. */
export function withSchemaId(letter: Letter, id: number): Letter {
  const { value } = letter;
  if (value === null) return letter;
  // The wire format: 0 and 4 bytes, or 1 and a GUID; else the id is in a header, or nowhere.
  const framed = value[0] === 0 && value.length >= 5 ? 5 : value[0] === 1 && value.length >= 17 ? 17 : 0;
  const named = letter.headers.some(({ key }) => key === VALUE_SCHEMA_ID);
  const payload = named ? value : value.subarray(framed);
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setInt32(1, id);
  bytes.set(payload, 5);
  return { ...letter, value: bytes, headers: letter.headers.filter(({ key }) => key !== VALUE_SCHEMA_ID) };
}

const VALUE_SCHEMA_ID = "__value_schema_id";

async function createStage(spec: FixSpec, parts: FixParts): Promise<FixStage> {
  const chain = createTransformStage(await transformSteps(spec, parts.plugins));
  const setters = spec.sets.length > 0 ? (await import("../cel_columns.ts")).createColumnSetters(spec.sets) : null;
  return (batch, reject) => {
    const set = setters ? setters(batch, reject) : batch;
    return chain.transform(set, reject);
  };
}

/** Casts, fields to drop and the file's transforms, by the options that they would have in a configuration. */
async function transformSteps(
  { casts, drops, transforms }: FixSpec,
  plugins: Plugins,
): Promise<TopicSettings["transforms"]> {
  const keys = new Map<string, string>();
  const aliases: string[] = [];
  if (casts.length > 0) {
    aliases.push("fixCast");
    keys.set("transforms.fixCast.type", "Cast").set("transforms.fixCast.spec", casts.join(","));
  }
  if (drops.length > 0) {
    aliases.push("fixDrop");
    keys.set("transforms.fixDrop.type", "ReplaceField").set("transforms.fixDrop.exclude", drops.join(","));
  }
  if (transforms !== null) {
    const loaded = loadConfig(transforms, "--transforms", () => true).worker;
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
    aliases.push(...own.split(",").map((alias) => alias.trim()));
  }
  if (aliases.length === 0) return [];
  const sets = [
    ...["topics=letters", "value.converter=json", "file.path=.", "bootstrap.servers=localhost:9092"],
    ...["errors.tolerance=all", "errors.skip.acknowledged=true"],
    `transforms=${aliases.join(",")}`,
    ...[...keys].map(([key, value]) => `${key}=${value}`),
  ];
  const source = { path: null, sets, connector: "file-sink", environment: {}, readTextFile: Deno.readTextFile };
  const { instances } = await readConfig(source, plugins);
  return instances[0].forTopic("letters").transforms;
}

/** Letters with changed values, as JSON. */
async function encodeAnew(
  letters: readonly Letter[],
  { instance, clock, log, retry, random }: FixParts,
  fix: FixStage,
  reframed: (letter: Letter) => Letter,
): Promise<Fixed> {
  const topics = Array.isArray(instance.topics) ? instance.topics as readonly string[] : [];
  const only = topics.length === 1 ? topics[0] : null;
  const stages = await OfflineStages.load({ instance, fix, clock, log, retry, random, fetch });
  const original = new Map(letters.map((letter) => [reframed(letter), letter]));
  const out = new Map<Letter, Letter>();
  const refused: Refusal[] = [];
  for (const slab of slabsOfLetters([...original.keys()], only)) {
    const { topic } = slab.records;
    const { name } = instance.forTopic(topic).valueConverter.plugin;
    if (name !== "json") {
      throw new FatalError(
        `Cannot send changed records to a topic: values of ${topic} are ${name}, and only JSON can be encoded anew. Replay ` +
          "into the sink (--to sink), or leave --set, --cast, --drop-field and --transforms out",
      );
    }
    const { decoded, refused: some, fixed } = await stages.treat(slab.records);
    const letterAt = (index: number) => original.get(slab.letters[index])!;
    for (const { index, stage, error } of some) {
      // What the connector's own rules and transforms refuse is the topic's reader's to say.
      if (stage === "KEY_CONVERTER" || stage === "VALUE_CONVERTER") {
        refused.push({ letter: letterAt(index), stage, error });
      }
    }
    const failed = new Set(refused.map(({ letter }) => letter));
    for (const batch of fixed ?? decoded) {
      for (let row = 0; row < batch.numRows; row++) {
        const letter = letterAt(batch.origin.rows[row]);
        if (failed.has(letter)) continue;
        const value = batch.isTombstone(row) ? null : new TextEncoder().encode(jsonText.ofColumn(batch.data.data, row));
        out.set(letter, { ...letter, value });
      }
    }
    for (const { index, stage, error } of some) {
      const letter = letterAt(index);
      if (stage === "TRANSFORMATION" && !out.has(letter)) refused.push({ letter, stage, error });
    }
  }
  return { letters: out, refused };
}
