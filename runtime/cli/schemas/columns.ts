/**
 * The columns that the records of a schema would be put with, by a connector's own options: its converter's, then what
 * `columns.json` and the transforms make of them; and what the sink then says.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import {
  type Converter,
  DataError,
  nulls,
  type PreviewTask,
  type RawRecords,
  recordBatch,
  type Retry,
  type SchemaDocument,
  SinkBatch,
  slabOf,
  type TargetPreview,
} from "../../api/mod.ts";
import type { Instance, TopicSettings } from "../../config/resolve_instance.ts";
import { createJsonColumns } from "../../json_columns.ts";
import { createTransformStage } from "../../transform.ts";
import { createValidateStage } from "../../validate.ts";
import { refusalOf } from "../refusal.ts";
import type { RegistryParts } from "../table_tools.ts";

/** A connector and one of its topics. */
export interface Pipeline {
  readonly topic: string;
  /** What the converter reads. */
  readonly converter: Converter;
  readonly settings: TopicSettings;
  /** The sink, writing nothing; null: it has no previews. */
  readonly sink: PreviewTask<unknown> | null;
  /** Another one, which has seen nothing yet. */
  readonly newSink: () => Promise<PreviewTask<unknown> | null>;
}

/** What becomes of a schema's records. */
export interface Made {
  /** As they would be put; null: `refused` says why there are none. */
  readonly columns: Schema | null;
  readonly refused: string | null;
  /** What could not be found out. */
  readonly note: string | null;
}

/** Loads a topic's part of a connector. Null: its converter reads no registry. */
export async function loadPipeline(
  instance: Instance,
  topic: string,
  parts: RegistryParts & { readonly retry: Retry; readonly uuid: () => string },
): Promise<Pipeline | null> {
  const settings = instance.forTopic(topic);
  const { plugin, config } = settings.valueConverter;
  if (!(config["schema.registry.url"] as readonly string[] | undefined)?.length) return null;
  await plugin.load?.();
  const { clock, log, retry, random, uuid } = parts;
  const converter = plugin.create(config, {
    ...{ topic, side: "value", clock, log, retry, random, fetch: parts.fetch },
    jsonPaths: new Set(settings.values["columns.json"]),
    targetSchema: () => Promise.resolve(null),
    pinSchema: (proposal) => Promise.resolve(proposal),
  });
  if (!converter.columnsOf) return null;
  const newSink = async () =>
    await instance.plugin.previewTask?.(instance.connectorConfig, {
      ...{ connector: instance.name, task: 0, clock, log, retry, uuid, random, memoryBytes: MEMORY_BYTES },
      reject: () => {}, // a row of nulls may be refused where a record is not
      requestCommit: () => {},
    }) ?? null;
  return { topic, converter, settings, sink: await newSink(), newSink };
}

const MEMORY_BYTES = 16 * 1024 * 1024;

/** Whatever stops a topic is a value here; bugs are thrown. */
export async function columnsOf(pipeline: Pipeline, document: SchemaDocument): Promise<Made> {
  const { converter, settings, topic } = pipeline;
  try {
    const schema = await converter.columnsOf!(document);
    const row = recordBatch(schema, schema.fields.map((field) => nulls(field, 1)), 1);
    const raw = oneRecord(topic);
    const data = createJsonColumns(new Set(settings.values["columns.json"]))(row);
    const batch = new SinkBatch(data, { raw, rows: new Int32Array(1) }, raw.from, raw.to);
    // Rules that do not go with the types of columns stop the topic; what they say of nulls is nothing.
    createValidateStage(settings.rules, null).validate(batch, () => {});
    const out = createTransformStage(settings.transforms).transform(batch, () => {})
      .find(({ numRows }) => numRows > 0);
    if (out) return { columns: withMetadata(out.data.schema, schema), refused: null, note: null };
    const note = "its transforms let no record without values through: the columns before them are compared";
    return { columns: data.schema, refused: null, note };
  } catch (error) {
    return { columns: null, refused: refusalOfSchema(error), note: null };
  }
}

/** What the sink says of rows with these columns. */
export interface SinkSays {
  /** Null: it has no previews, or was given nothing. */
  readonly target: TargetPreview | null;
  /** Why it would refuse a commit of them; null: it would not. */
  readonly refused: string | null;
}

/** Shows the sink one row of nulls; nothing is written. */
export async function previewOf({ newSink, topic }: Pipeline, columns: Schema): Promise<SinkSays> {
  const sink = await newSink();
  if (sink === null) return { target: null, refused: null };
  const raw = oneRecord(topic);
  const at = { topic, topicId: raw.topicId, partition: 0 };
  const rows = recordBatch(columns, columns.fields.map((field) => nulls(field, 1)), 1);
  try {
    await sink.open([at], [{ ...at, offset: 0n }]);
    await sink.put(new SinkBatch(rows, { raw, rows: new Int32Array(1) }, raw.from, raw.to));
    const previews = await sink.preview();
    const target = previews.find((each) => each.topic === topic) ?? null;
    return { target, refused: target?.refused ?? null };
  } catch (error) {
    return { target: null, refused: refusalOfSchema(error) };
  } finally {
    await sink.stop();
  }
}

/** A schema that columns cannot hold is a DataError of the record that stands for all of its records. */
function refusalOfSchema(error: unknown): string {
  return error instanceof DataError ? error.message : refusalOf(error);
}

/** Transforms may make a new schema, which the subject is still that of. */
function withMetadata(schema: Schema, { metadata }: Schema): Schema {
  return schema.metadata.size > 0 ? schema : new Schema(schema.fields, metadata);
}

/** A slab of one record without key, value and headers. */
function oneRecord(topic: string): RawRecords {
  return slabOf([{}], { topic });
}
