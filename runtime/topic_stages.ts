/**
 * The stages between consume and put for one topic, from the configuration: for a task, for a preview, for a replay.
 *
 * @module
 */
import {
  type Clock,
  type Converter,
  type ConverterPlugin,
  type DataError,
  type Log,
  type RawRecords,
  type RecordSide,
  type Retry,
  type SinkTask,
} from "./api/mod.ts";
import type { Chosen, Instance } from "./config/resolve_instance.ts";
import { createDecodeStage } from "./decode.ts";
import type { Stage } from "./dead_letter.ts";
import type { PinRequests } from "./schema_pins.ts";
import type { TopicStages } from "./task_parts.ts";
import { createTransformStage } from "./transform.ts";
import { createValidateStage } from "./validate.ts";

/** What the stages need of the world. */
export interface StagesSetup {
  readonly instance: Instance;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: Retry;
  readonly fetch: typeof fetch;
  readonly random: () => number;
  /** The schema that the target has for a topic's values; absent or null: it has none. */
  readonly targetSchema?: SinkTask<unknown>["targetSchema"];
  /** Who agrees on an inferred schema, where several tasks infer. */
  readonly pin: PinRequests["propose"];
  /** Sets a record aside in decode. */
  readonly reject: (records: RawRecords, index: number, error: DataError, stage: Stage) => void;
  readonly onSkipped: (count: number) => void;
}

/** Makes the stages of any topic; loads the formats and engines that the configuration names. */
export async function loadTopicStages(setup: StagesSetup): Promise<(topic: string) => TopicStages> {
  const { instance, clock, log, retry, random, targetSchema, pin } = setup;
  await Promise.all(instance.converters.map((plugin) => plugin.load?.()));
  const cel = instance.hasExpressions ? await import("./cel.ts") : null;
  const jsonPaths = (topic: string) => new Set(instance.forTopic(topic).values["columns.json"]);
  const converter = (topic: string, side: RecordSide, { plugin, config }: Chosen<ConverterPlugin>): Converter =>
    plugin.create(config, {
      topic,
      side,
      clock,
      log: log.with({ topic }),
      retry,
      fetch: setup.fetch,
      random,
      jsonPaths: side === "value" ? jsonPaths(topic) : new Set(),
      targetSchema: async () => side === "value" && targetSchema ? await targetSchema(topic) : null,
      pinSchema: (proposal) => pin(topic, side, proposal),
    });
  return (topic) => {
    const settings = instance.forTopic(topic);
    const { keyConverter, valueConverter, headerConverter } = settings;
    const decode = createDecodeStage({
      value: converter(topic, "value", valueConverter),
      key: keyConverter.plugin.name === "bytes" ? null : converter(topic, "key", keyConverter),
      headerConverter: headerConverter?.plugin.create(headerConverter.config),
      jsonPaths: jsonPaths(topic),
      tombstones: settings.values.tombstones,
      reject: (records, index, error, stage) => setup.reject(records, index, error, stage),
      onSkipped: setup.onSkipped,
    });
    const { rules, expressions = [] } = settings;
    const rowRules = cel && expressions.length > 0 ? cel.createCelRules(expressions) : null;
    const { validate } = createValidateStage(rules, rowRules);
    return { decode, validate, transform: createTransformStage(settings.transforms).transform };
  };
}
