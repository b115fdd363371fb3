/**
 * The converter: bare JSON objects to rows, by a schema that is declared, the target's, or inferred.
 *
 * @module
 */
import { Schema } from "apache-arrow";
import {
  ConfigError,
  type Converter,
  type ConverterContext,
  type DecodedRows,
  type RawRecords,
  type RejectRecord,
  type Values,
} from "../../mod.ts";
import { Decoder } from "./decoder.ts";
import { createShape, observeRecord, schemaOf } from "./infer.ts";
import { withJsonFields } from "./json_fields.ts";
import type { jsonOptions } from "./mod.ts";
import { parseSchema } from "./notation.ts";
import { Scanner } from "./scanner.ts";

/** Records from which a schema is inferred. */
const SAMPLE = 10_000;

/** Makes a converter; ConfigError where the configured schema cannot be used. */
export function createConverter(config: Values<typeof jsonOptions>, context: ConverterContext): Converter {
  return new JsonConverter(config, context);
}

class JsonConverter implements Converter {
  readonly #context: ConverterContext;
  readonly #truncateNanos: boolean;
  readonly #declared: Schema | null;
  #decoder: Decoder | null = null;
  /** Where the decoder's schema comes from: a target's schema is followed when it changes, the others stay. */
  #source: "declared" | "target" | "inferred" | "none" = "none";
  #target: Schema | null = null;

  constructor(config: Values<typeof jsonOptions>, context: ConverterContext) {
    this.#context = context;
    this.#truncateNanos = config["json.timestamp.nanos"] === "truncate";
    const key = context.side === "key" ? "key.schema" : "value.schema";
    const text = config[key];
    this.#declared = text === null ? null : readSchema(key, text);
  }

  async wants(): Promise<number> {
    await this.#refresh();
    return this.#source === "none" ? SAMPLE : 0;
  }

  async learn(sample: readonly RawRecords[]): Promise<void> {
    const { side, topic, log, pinSchema } = this.#context;
    const scan = new Scanner();
    const shape = createShape();
    let count = 0;
    for (const records of sample) {
      const starts = side === "key" ? records.keyStarts : records.valueStarts;
      const ends = side === "key" ? records.keyEnds : records.valueEnds;
      for (let i = 0; i < records.count; i++) {
        if (starts[i] < 0) continue;
        scan.open(records.bytes, starts[i], ends[i]);
        observeRecord(scan, shape);
        count++;
      }
    }
    const proposal = schemaOf(shape);
    if (proposal === null) {
      log.warn("no schema can be inferred: no record has a field with a value", { topic, side, records: count });
      return;
    }
    const pinned = await pinSchema(proposal);
    log.info("the schema of a topic is inferred from its first records; set value.schema to choose another", {
      topic,
      side,
      records: count,
      schema: pinned.fields.map(({ name, type }) => `${name}: ${type}`).join(", "),
    });
    this.#use("inferred", pinned);
  }

  async decode(records: RawRecords, indices: Int32Array, reject: RejectRecord): Promise<readonly DecodedRows[]> {
    if (indices.length === 0) return [];
    await this.#refresh();
    // Without any schema yet (nothing was learnt), every field is an unknown one.
    this.#decoder ??= this.#compile(new Schema([]));
    const rows = this.#decoder.decode(records, this.#context.side, indices, reject);
    return rows === null ? [] : [rows];
  }

  /** Takes over what has changed at the target. */
  async #refresh(): Promise<void> {
    if (this.#source === "none" && this.#declared) this.#use("declared", this.#declared);
    const target = this.#context.side === "value" ? await this.#context.targetSchema() : null;
    if (target === null || target === this.#target) return;
    this.#target = target;
    if (this.#source === "none" || this.#source === "target") this.#use("target", target);
    else this.#decoder!.follow(target.fields);
  }

  #use(source: "declared" | "target" | "inferred", schema: Schema): void {
    this.#source = source;
    this.#decoder = this.#compile(schema);
    if (this.#target) this.#decoder.follow(this.#target.fields);
  }

  #compile(schema: Schema): Decoder {
    const { jsonPaths } = this.#context;
    return new Decoder(withJsonFields(schema, jsonPaths), { truncateNanos: this.#truncateNanos, jsonPaths });
  }
}

function readSchema(key: string, text: string): Schema {
  const inline = text.trimStart().startsWith("{");
  try {
    return parseSchema(inline ? text : Deno.readTextFileSync(text));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const why = inline ? error.message : `cannot be read as a file that holds a schema: ${error.message}`;
    throw new ConfigError([{ key, value: text, why }]);
  }
}
