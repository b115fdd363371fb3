/**
 * A fix, made: what letters' bytes are decoded with, and what becomes of the decoded columns before they are validated.
 *
 * The order: the schema id and options decide what is decoded; then `set`, `cast`, `drop` and the transforms' file change
 * columns; then come the connector's own rules and transforms. JSON letters are changed before they are decoded for the
 * sink, as records (`json_letters.ts`): what they hold is what the fix sees, not what the table's columns make of it.
 *
 * @module
 */
import { type Clock, ConfigError, FatalError, type Log, type Retry } from "../api/mod.ts";
import type { Instance, Plugins } from "../config/resolve_instance.ts";
import type { FixStage } from "../offline_stages.ts";
import { changesFields, type FixSpec } from "./fix_spec.ts";
import { createFixStages, type FixStages } from "./fix_stages.ts";
import { changeJson } from "./json_letters.ts";
import type { Letter } from "./letter.ts";
import { topicOf } from "./topic_of.ts";
import type { Fixed } from "./topic_target.ts";

/** A fix that can be applied. */
export interface Fix {
  /** The instance with the options of the fix. */
  readonly instance: Instance;
  /** Changes decoded columns; absent: nothing is changed. */
  readonly stage: FixStage | undefined;
  /** The letters with the bytes to decode. Those that it leaves out are neither there nor refused. */
  readonly changed: (letters: readonly Letter[]) => Promise<Fixed>;
  /** Throws FatalError where records of a topic cannot be encoded anew, and the fix changes them. */
  readonly assertRecords: (topic: string | null) => void;
  /** The letters as records for a topic, all changes in them: see `assertRecords`. */
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
  const stages = changesFields(spec) ? await createFixStages(spec, parts.plugins) : null;
  const reframed = (letter: Letter) => spec.schemaId === null ? letter : withSchemaId(letter, spec.schemaId);
  const isJson = (topic: string | null) =>
    topic !== null && instance.forTopic(topic).valueConverter.plugin.name === "json";
  // A schema that is given for the fix says how letters are read, and what they are in the sink.
  const declared = spec.options.some((option) => /^(.*\.)?value\.schema\s*=/.test(option));
  const isRewritten = (topic: string | null) => isJson(topic) && !declared;
  const { topics } = instance;
  if (spec.schemaId !== null && (topics instanceof RegExp ? [""] : topics).every(isJson)) {
    const why =
      "has no effect: values are plain JSON and name no schema; say which format it is of by --option, e.g. " +
      "value.converter=avro";
    throw new ConfigError([{ key: "--schema-id", value: String(spec.schemaId), why }]);
  }
  const change = async (
    letters: readonly Letter[],
    stage: FixStage | null,
    holds: (topic: string | null) => boolean,
  ): Promise<Fixed> => {
    const isJsonLetter = (letter: Letter) => stage !== null && holds(topicOf(letter, instance));
    const others = letters.filter((letter) => !isJsonLetter(letter)).map((letter) =>
      [letter, reframed(letter)] as const
    );
    if (!stage || others.length === letters.length) return { letters: new Map(others), refused: [] };
    const { clock, log, retry, random } = parts;
    const fix = { instance, clock, log, retry, random, fetch, stage, declared };
    const changed = await changeJson(letters.filter(isJsonLetter), fix);
    return { ...changed, letters: new Map([...others, ...changed.letters]) };
  };
  return {
    instance,
    stage: stages
      ? (batch, reject) => (isRewritten(batch.topic) ? stages.afterJson : stages.whole)(batch, reject)
      : undefined,
    changed: (letters) => change(letters, stages?.ofJson ?? null, isRewritten),
    assertRecords: (topic) => stages && assertEncodable(topic, instance, stages),
    records: async (letters) => {
      for (const letter of stages ? letters : []) assertEncodable(topicOf(letter, instance), instance, stages!);
      return await change(letters, stages?.whole ?? null, isJson);
    },
  };
}

/** Refuses what cannot be encoded anew. */
function assertEncodable(topic: string | null, instance: Instance, { beyondValues }: FixStages): void {
  const name = topic === null ? "unknown" : instance.forTopic(topic).valueConverter.plugin.name;
  if (name !== "json") {
    throw new FatalError(
      `Cannot send changed records to a topic: values of ${topic} are ${name}, and only JSON can be encoded anew. ` +
        "Replay into the sink (--to sink), or leave --set, --cast, --drop-field and --transforms out",
    );
  }
  if (beyondValues.length > 0) {
    throw new FatalError(
      `Cannot send changed records to a topic: of --transforms, ${
        beyondValues.join(", ")
      } change more than values, and ` +
        "only those are encoded anew. Replay into the sink (--to sink), or leave them out",
    );
  }
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
