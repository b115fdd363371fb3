/**
 * The converter: records framed with a registry's schema id, or bare payloads of one schema, to runs of rows.
 *
 * @module
 */
import {
  ConfigError,
  type Converter,
  type ConverterContext,
  type ConverterPlugin,
  DataError,
  type DecodedRows,
  option,
  type RawRecords,
  type RejectRecord,
  type Values,
} from "../../mod.ts";
import { readFrame } from "../frame.ts";
import { createRegistry, type RegisteredSchema, registryOptions, type SchemaRegistry } from "../registry.ts";
import { Decoder, Rows } from "./decoder.ts";
import { type AvroType, parseSchema } from "./schema.ts";
import { type MappingOptions, rowFields } from "./types.ts";

const SCHEMA_DOC = 'an Avro schema, inline (JSON that begins with `{`, `[` or `"`) or the path of a file. ' +
  "With a registry it is the reader schema; without one it is the schema of payloads without a frame.";

/** The options of `avroConverter`. */
export const avroOptions = {
  ...registryOptions,
  "value.schema": option.optionalString({ doc: `For values: ${SCHEMA_DOC}`, check: inlineProblem }),
  "key.schema": option.optionalString({ doc: `For keys: ${SCHEMA_DOC}`, check: inlineProblem }),
  "timestamp.nanos": option.oneOf(["long", "truncate"], {
    doc: "What becomes of timestamp-nanos: a long that keeps them all, or a timestamp cut to microseconds.",
    default: "long",
  }),
};

/** `value.converter: avro`: Avro's binary encoding, with or without a Schema Registry. */
export const avroConverter: ConverterPlugin<typeof avroOptions> = {
  name: "avro",
  options: avroOptions,
  create: createConverter,
};

type AvroConfig = Values<typeof avroOptions>;

/** Makes a converter; ConfigError where neither a registry nor a schema is set, or the schema cannot be used. */
function createConverter(config: AvroConfig, context: ConverterContext): Converter {
  const options: MappingOptions = { timestampNanos: config["timestamp.nanos"] };
  const key = `${context.side}.schema` as const;
  const given = config[key];
  const rows = given === null ? null : configuredRows(key, given, options);
  if (config["schema.registry.url"].length > 0) {
    const registry = createRegistry(config, context);
    return new AvroConverter(new Decoders(registry, rows, options, context), context.side === "key");
  }
  if (rows) return new AvroConverter(new Decoder(rows.type, rows), context.side === "key");
  throw new ConfigError([{
    key,
    why: `missing: the avro converter needs schema.registry.url, or ${key} for payloads without a frame`,
  }]);
}

/** What a record is decoded with, or why it cannot be. */
type Choice = Decoder | DataError;

/** The decoders of framed records, by schema id, made once each. */
class Decoders {
  private readonly byId = new Map<number, Choice>();

  constructor(
    private readonly registry: SchemaRegistry,
    /** The rows of the reader schema; null: each writer schema has its own. */
    private readonly reader: Rows | null,
    private readonly options: MappingOptions,
    private readonly context: ConverterContext,
  ) {}

  /** Throws RetriableError while the registry is away. */
  async load(schemaId: number): Promise<Choice> {
    const known = this.byId.get(schemaId);
    if (known) return known;
    let registered: RegisteredSchema;
    let references: readonly RegisteredSchema[];
    try {
      registered = await this.registry.schemaById(schemaId);
      references = await this.registry.resolveReferences(registered);
    } catch (error) {
      // Not remembered: the registry may know it later.
      if (error instanceof DataError) return withSource(error, { schemaId });
      throw error;
    }
    const choice = this.compile(registered, references);
    this.byId.set(schemaId, choice);
    return choice;
  }

  private compile(
    { id, subject, version, schemaType, schema }: RegisteredSchema,
    references: readonly RegisteredSchema[],
  ): Choice {
    const source = { schemaId: id, ...(subject === undefined ? {} : { subject }) };
    try {
      if (schemaType !== "AVRO") {
        throw new DataError(`Cannot decode with schema ${id}: it is of type ${schemaType}, expected AVRO`, {
          reason: "not an avro schema",
        });
      }
      const writer = parseSchema(schema, references.map((reference) => reference.schema));
      return new Decoder(
        writer,
        this.reader ?? new Rows(writer, this.options, { subject, version, schemaId: id }),
        source,
      );
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      const { reason, fieldPath } = error.details;
      this.context.log.warn("Avro schema refused", { ...source, reason, fieldPath, error: error.message });
      return withSource(error, source);
    }
  }
}

class AvroConverter implements Converter {
  constructor(private readonly decoders: Decoders | Decoder, private readonly isKey: boolean) {}

  async decode(records: RawRecords, indices: Int32Array, reject: RejectRecord): Promise<readonly DecodedRows[]> {
    const starts = this.isKey ? records.keyStarts : records.valueStarts;
    const ends = this.isKey ? records.keyEnds : records.valueEnds;
    const { decoders } = this;
    if (decoders instanceof Decoder) {
      return decodeRuns(records, { indices, starts, payloads: starts, ends }, () => decoders, reject);
    }

    // Schemas first: a registry that is away must find nothing decoded and nothing rejected.
    const payloads = new Int32Array(records.count);
    const ids = new Int32Array(records.count);
    const unframed = new Map<number, DataError>();
    const choices = new Map<number, Choice>();
    let last = -1;
    for (const index of indices) {
      try {
        const { schemaId, payloadStart } = readFrame(records.bytes, starts[index], ends[index]);
        ids[index] = schemaId;
        payloads[index] = payloadStart;
        if (schemaId === last) continue;
        last = schemaId;
        if (!choices.has(schemaId)) choices.set(schemaId, await decoders.load(schemaId));
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        unframed.set(index, error);
      }
    }
    const choose = (index: number): Choice => unframed.get(index) ?? choices.get(ids[index])!;
    return decodeRuns(records, { indices, starts, payloads, ends }, choose, reject);
  }
}

/** Where the values lie; all but `indices` by record. */
interface Ranges {
  readonly indices: Int32Array;
  readonly starts: Int32Array;
  readonly payloads: Int32Array;
  readonly ends: Int32Array;
}

function decodeRuns(
  { bytes }: RawRecords,
  { indices, starts, payloads, ends }: Ranges,
  choose: (index: number) => Choice,
  reject: RejectRecord,
): DecodedRows[] {
  const runs: DecodedRows[] = [];
  const decoded = new Int32Array(indices.length);
  let count = 0;
  let runStart = 0;
  let rows: Rows | null = null;
  const endRun = () => {
    if (rows && count > runStart) runs.push({ data: rows.finish(), rows: decoded.slice(runStart, count) });
    runStart = count;
  };
  try {
    for (const index of indices) {
      const choice = choose(index);
      if (choice instanceof DataError) {
        reject(index, choice);
        continue;
      }
      if (choice.rows !== rows) {
        endRun();
        rows = choice.rows;
      }
      const error = choice.append(bytes, payloads[index], ends[index], starts[index]);
      if (error === null) decoded[count++] = index;
      else reject(index, error);
    }
    endRun();
  } catch (error) {
    // Rows of a call that failed must not turn up in the next one.
    rows?.discard();
    throw error;
  }
  return runs;
}

function configuredRows(key: string, given: string, options: MappingOptions): Rows {
  const path = isInline(given) ? null : given;
  try {
    return new Rows(parseSchema(path === null ? given : Deno.readTextFileSync(path)), options);
  } catch (error) {
    if (error instanceof DataError) throw new ConfigError([{ key, value: given, why: error.message }]);
    if (path === null) throw error;
    const why = `cannot be read as a file: ${(error as Error).message}; expected an Avro schema or the path of one`;
    throw new ConfigError([{ key, value: given, why }]);
  }
}

/** What is wrong with an inline schema; files are read when the converter is made. */
function inlineProblem(given: string | null): string | null {
  if (given === null || !isInline(given)) return null;
  try {
    const type: AvroType = parseSchema(given);
    rowFields(type, { timestampNanos: "long" });
    return null;
  } catch (error) {
    if (error instanceof DataError) return error.message;
    throw error;
  }
}

function isInline(given: string): boolean {
  return /^\s*[{["]/.test(given);
}

function withSource(error: DataError, source: { schemaId: number; subject?: string }): DataError {
  return new DataError(error.message, { ...error.details, ...source }, { cause: error.cause ?? error });
}
