/**
 * Records that name the schema that wrote them, by id or GUID, in a prefix of the payload or in a header: what every
 * format of the Schema Registry shares. The format itself is a `RegisteredFormat`: a schema to a decoder.
 *
 * @module
 */
import type { RecordBatch, Schema } from "apache-arrow";
import {
  type Converter,
  type ConverterContext,
  DataError,
  type DecodedRows,
  type RawRecords,
  type RejectRecord,
  type SchemaDocument,
} from "../mod.ts";
import { type Frame, readFrame, schemaIdHeader } from "./frame.ts";
import type { RegisteredConfig } from "./registered_options.ts";
import { createRegistry, type NamedReference, type RegisteredSchema, type SchemaRegistry } from "./registry.ts";
import { detailsOf } from "./rows.ts";
import type { Contracts, Prepared } from "./rules/contracts.ts";
import type { OpenMessages } from "./rules/values.ts";
import { usesLatest } from "./rules/rule_options.ts";
import { addRun, applyRules, type Choice, type DecodedRun, decodeRuns, type Ranges, Ruled, type Run } from "./runs.ts";
import { subjectOf } from "./subject_names.ts";

/** Rows being built; several decoders may append to one. */
export interface RowBuilder {
  /** The rows so far; none are left. Batches of one builder have the same `Schema` object. */
  finish(): RecordBatch;
  /** Forgets the rows so far. */
  discard(): void;
}

/** Payloads of one writer schema to rows. */
export interface PayloadDecoder {
  readonly rows: RowBuilder;
  /**
   * Appends `bytes[start, end)` as one row and returns null, or appends nothing and returns what is wrong with it.
   * Positions in errors count from `valueStart`, where the record's value (or key) begins.
   */
  append(bytes: Uint8Array, start: number, end: number, valueStart: number): DataError | null;
  /**
   * Appends the payloads of `indices[from, to)` as rows, up to the first that is for `append`, and returns where it
   * stopped: a payload that is refused, but any other one too.
   */
  appendRun?(bytes: Uint8Array, payloads: Payloads, from: number, to: number): number;
}

/** Where payloads lie. */
export interface Payloads {
  /** Of the records, ascending. */
  readonly indices: Int32Array;
  /** By record. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** What is known of a writer schema: for errors and for the metadata of its columns. */
export interface SchemaSource {
  readonly schemaId?: number;
  readonly subject?: string;
  readonly version?: number;
}

/** A format whose schemas are registered. */
export interface RegisteredFormat {
  /** What the registry calls it. */
  readonly schemaType: RegisteredSchema["schemaType"];
  /** The reason of a record whose schema is of another type, e.g. "not an avro schema". */
  readonly mismatch: string;
  /** Whether message indexes follow the schema's id. */
  readonly hasMessageIndexes: boolean;
  /**
   * Throws DataError, with the field's path where there is one, for a schema that it cannot decode with. `reader`: the
   * schema whose columns the rows have (`use.latest.version`); decoders of one such object append to the same rows.
   */
  compile(writer: WriterSchema, reader?: WriterSchema | null): PayloadDecoder;
  /** The full name of a writer's message, by which other versions of its schema have it; absent: a schema is one message. */
  messageName?(writer: WriterSchema): string;
  /** Loads what rules of data contracts read and write messages with. */
  loadMessages?(): Promise<OpenMessages<WriterSchema>>;
}

/** What a decoder is compiled of. */
export interface WriterSchema {
  readonly text: string;
  /** What it imports, transitively, dependencies first. */
  readonly references: readonly NamedReference[];
  /** The path to the message from the file's messages on; [] for formats without. */
  readonly messageIndexes: readonly number[];
  /** The message by its full name, which then counts instead of the path. */
  readonly messageName?: string;
  readonly source: SchemaSource;
}

/**
 * The converter of a format: with `schema.registry.url`, records name their schemas; without it, all are of the one
 * schema that `bare` decodes.
 */
export function createRegisteredConverter(
  format: RegisteredFormat,
  config: RegisteredConfig,
  context: ConverterContext,
): Converter {
  const registry = createRegistry(config, context);
  return new RegisteredConverter(new Decoders(format, registry, config, context), format, context.side === "key");
}

/** The converter of records without a schema id, all of one schema. */
export function createBareConverter(decoder: PayloadDecoder, { side }: ConverterContext): Converter {
  return {
    decode(records, indices, reject) {
      const [starts, ends] = rangesOf(records, side === "key");
      const runs = [{ from: 0, to: indices.length, choice: decoder }];
      return Promise.resolve(decodeRuns(records, { indices, starts, payloads: starts, ends }, runs, reject));
    },
  };
}

/** Refusals remembered, the oldest are forgotten first: records can name any message indexes. */
const REFUSED_MAX = 1_000;

/** The decoders, made once for each schema and message. */
class Decoders {
  readonly #made = new Map<string, PayloadDecoder | Ruled>();
  readonly #refused = new Map<string, DataError>();
  #contracts: Contracts | null = null;
  /** When the latest versions are to be asked for again, by the monotonic clock. */
  #staleAt = Infinity;

  constructor(
    private readonly format: RegisteredFormat,
    private readonly registry: SchemaRegistry,
    private readonly config: RegisteredConfig,
    private readonly context: ConverterContext,
  ) {}

  /** Throws RetriableError while the registry is away. */
  async load({ schema, messageIndexes }: Frame): Promise<Choice> {
    if (this.#staleAt !== Infinity && this.context.clock.monotonic() >= this.#staleAt) this.#forget();
    const key = `${schema} ${messageIndexes}`;
    const known = this.#made.get(key) ?? this.#refused.get(key);
    if (known) return known;
    let registered: RegisteredSchema;
    let references: readonly NamedReference[];
    try {
      registered =
        await (typeof schema === "number" ? this.registry.schemaById(schema) : this.registry.schemaByGuid(schema));
      references = await this.registry.resolveReferences(registered);
    } catch (error) {
      // Not remembered: the registry may know it later.
      if (error instanceof DataError) return withSource(error, typeof schema === "number" ? { schemaId: schema } : {});
      throw error;
    }
    const source = await this.#sourceOf(registered);
    const choice = await this.#compile(registered, { text: registered.schema, references, messageIndexes, source });
    if (!(choice instanceof DataError)) this.#made.set(key, choice);
    else if (choice.details.reason !== "unknown schema version") {
      if (this.#refused.size >= REFUSED_MAX) this.#refused.delete(this.#refused.keys().next().value!);
      this.#refused.set(key, choice);
    }
    return choice;
  }

  /** The columns of a schema, its first message's where it has several. */
  async columnsOf(document: SchemaDocument): Promise<Schema> {
    const { subject, version, id } = document;
    const registered = document as RegisteredSchema;
    const references = await this.registry.resolveReferences(registered);
    const source = {
      ...(id === null ? {} : { schemaId: id }),
      ...(version === null ? {} : { version }),
      subject,
    };
    const messageIndexes = this.format.hasMessageIndexes ? [0] : [];
    const writer = { text: document.schema, references, messageIndexes, source };
    const choice = await this.#compile(registered, writer, version !== null);
    if (choice instanceof DataError) throw choice;
    return (choice instanceof Ruled ? choice.decoder : choice).rows.finish().schema;
  }

  async #sourceOf({ id, subject, version }: RegisteredSchema): Promise<SchemaSource> {
    const { topic, side } = this.context;
    const strategy = this.config[`${side}.subject.name.strategy`];
    const named = subject !== undefined || id === null
      ? { subject, version }
      : subjectOf(await this.registry.subjectsOfId(id), { strategy, topic, side }) ?? {};
    return { ...(id === null ? {} : { schemaId: id }), ...named };
  }

  async #compile(registered: RegisteredSchema, writer: WriterSchema, hasContract = true): Promise<Choice> {
    const { id, guid, schemaType } = registered;
    const { format, context } = this;
    try {
      if (schemaType !== format.schemaType) {
        const why = `it is of type ${schemaType}, expected ${format.schemaType}`;
        throw new DataError(`Cannot decode with schema ${id ?? guid ?? writer.source.subject}: ${why}`, {
          reason: format.mismatch,
        });
      }
      const prepared = hasContract ? await this.#prepare(registered, writer) : null;
      if (prepared === null) return format.compile(writer);
      const decoder = format.compile(prepared.writer, prepared.reader);
      return prepared.rules === null ? decoder : new Ruled(decoder, prepared.rules);
    } catch (thrown) {
      const error = isStackOverflow(thrown) ? tooDeep(thrown, id ?? guid) : thrown;
      if (!(error instanceof DataError)) throw error;
      const { reason, fieldPath } = error.details;
      context.log.warn("A schema is refused", { ...writer.source, reason, fieldPath, error: error.message });
      return withSource(error, writer.source);
    }
  }

  /** Null where there is no contract to be looked at: then nothing of it is loaded. */
  async #prepare(registered: RegisteredSchema, writer: WriterSchema): Promise<Prepared | null> {
    const { config, format, registry, context } = this;
    const isLatest = usesLatest(config);
    if (!isLatest && !(registered.ruleSet && config["rules.enabled"])) return null;
    this.#contracts ??= new (await import("./rules/contracts.ts")).Contracts(format, registry, config, context);
    const ttlSec = config["latest.cache.ttl.sec"];
    if (isLatest && ttlSec >= 0 && this.#staleAt === Infinity) {
      this.#staleAt = context.clock.monotonic() + ttlSec * 1000;
    }
    return await this.#contracts.prepare(registered, writer);
  }

  #forget(): void {
    this.#staleAt = Infinity;
    this.#made.clear();
    this.#refused.clear();
  }
}

/** Schemas are other people's: one that exhausts the stack of whoever walks it is refused, as any other that is too large. */
function isStackOverflow(error: unknown): error is RangeError {
  return error instanceof RangeError && error.message.includes("call stack");
}

function tooDeep(cause: RangeError, schema: number | string | undefined): DataError {
  const why = "its types are nested too deeply to be read";
  return new DataError(`Cannot use schema ${schema}: ${why}`, { reason: "schema too large" }, { cause });
}

class RegisteredConverter implements Converter {
  constructor(
    private readonly decoders: Decoders,
    private readonly format: RegisteredFormat,
    private readonly isKey: boolean,
  ) {}

  columnsOf(schema: SchemaDocument): Promise<Schema> {
    return this.decoders.columnsOf(schema);
  }

  async decode(records: RawRecords, indices: Int32Array, reject: RejectRecord): Promise<readonly DecodedRows[]> {
    const { bytes } = records;
    const { hasMessageIndexes } = this.format;
    const side = this.isKey ? "key" : "value";
    const [starts, ends] = rangesOf(records, this.isKey);
    // Schemas first: a registry that is away must find nothing decoded and nothing rejected.
    const payloads = new Int32Array(records.count);
    const runs: Run[] = [];
    const choices = new Map<string, Choice>();
    for (let at = 0; at < indices.length;) {
      const index = indices[at];
      const header = schemaIdHeader(records, index, side);
      const start = header?.start ?? starts[index];
      payloads[index] = starts[index];
      try {
        const frame = readFrame(bytes, start, header?.end ?? ends[index], hasMessageIndexes);
        const key = `${frame.schema} ${frame.messageIndexes}`;
        let choice = choices.get(key);
        if (choice === undefined) {
          choice = await this.decoders.load(frame);
          choices.set(key, choice);
        }
        if (!header) payloads[index] = frame.end;
        const prefix = { start, length: frame.end - start, isHeader: header !== null };
        const from = at;
        at = this.#alike(records, { indices, starts, payloads, ends }, at + 1, prefix);
        addRun(runs, from, at, choice);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        addRun(runs, at, ++at, error);
      }
    }
    const ranges = { indices, starts, payloads, ends };
    const rules = runs.some(({ choice }) => choice instanceof Ruled) ? await applyRules(bytes, ranges, runs) : null;
    return decodeRuns(records, ranges, rules ?? runs as DecodedRun[], reject);
  }

  /**
   * Passes the records from `at` on that name their schema as the one before, in the same place: a prefix delimits
   * itself, so equal bytes say the same. Returns where another one follows.
   */
  #alike(records: RawRecords, { indices, starts, payloads, ends }: Ranges, at: number, prefix: Prefix): number {
    const { bytes, headerStarts } = records;
    const { start: first, length, isHeader } = prefix;
    const side = this.isKey ? "key" : "value";
    for (; at < indices.length; at++) {
      const index = indices[at];
      const hasHeaders = headerStarts[index] >= 0 && bytes[headerStarts[index]] !== 0;
      const header = hasHeaders ? schemaIdHeader(records, index, side) : null;
      if ((header !== null) !== isHeader) break;
      const start = header === null ? starts[index] : header.start;
      const end = header === null ? ends[index] : header.end;
      if (end - start < length) break;
      let same = 0;
      while (same < length && bytes[start + same] === bytes[first + same]) same++;
      if (same < length) break;
      payloads[index] = header === null ? start + length : starts[index];
    }
    return at;
  }
}

/** Where a record's schema id was read. */
interface Prefix {
  readonly start: number;
  readonly length: number;
  readonly isHeader: boolean;
}

function rangesOf(records: RawRecords, isKey: boolean): [Int32Array, Int32Array] {
  return isKey ? [records.keyStarts, records.keyEnds] : [records.valueStarts, records.valueEnds];
}

function withSource(error: DataError, source: SchemaSource): DataError {
  return new DataError(error.message, { ...error.details, ...detailsOf(source) }, { cause: error.cause ?? error });
}
