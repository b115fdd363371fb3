/**
 * For the tests of this folder: records of subjects with data contracts, read through the converters.
 *
 * @module
 */
import type { Converter, ConverterContext, DataError } from "../../mod.ts";
import { type Plain, rowsOf } from "../../tests/conformance/rows.ts";
import { avroConverter } from "../avro/mod.ts";
import { jsonSchemaConverter } from "../json/registered/mod.ts";
import { protobufConverter } from "../protobuf/mod.ts";
import type { RegisteredSchema } from "../registry.ts";
import { startFakeRegistry } from "../registry_fake.ts";
import { allOf, contextOf, registeredConfig, slabOf } from "../testing.ts";
import type { RegisteredRule, RuleSet, SchemaMetadata } from "./rule_set.ts";

await Promise.all([avroConverter, jsonSchemaConverter, protobufConverter].map((plugin) => plugin.load!()));

/** A version of `orders-value`; ids are versions. */
export interface Version {
  readonly schema: unknown;
  readonly ruleSet?: RuleSet;
  readonly metadata?: SchemaMetadata;
}

/** A record: its schema's version, and its payload. */
export type Written = readonly [version: number, payload: Uint8Array];

/** What became of records: rows by their index, and refusals. */
export interface Read {
  readonly rows: Readonly<Record<number, { readonly [name: string]: Plain }>>;
  readonly errors: Readonly<Record<number, string>>;
  readonly rejects: ReadonlyMap<number, DataError>;
  readonly batches: number;
  readonly columns: readonly string[];
}

/** A rule with what tests seldom care about. */
export function rule(given: Partial<RegisteredRule>): RegisteredRule {
  return { name: "r", kind: "CONDITION", mode: "READ", type: "CEL", ...given };
}

/** Reads records of versions of `orders-value`. */
export async function read(
  type: RegisteredSchema["schemaType"],
  versions: readonly Version[],
  records: readonly Written[],
  config: Readonly<Record<string, unknown>> = {},
  context: Partial<ConverterContext> = {},
): Promise<Read> {
  const registry = startFakeRegistry(versions.map(({ schema, ruleSet, metadata }, i) => ({
    id: i + 1,
    subject: "orders-value",
    version: i + 1,
    schemaType: type,
    schema: typeof schema === "string" ? schema : JSON.stringify(schema),
    references: [],
    ...(ruleSet ? { ruleSet } : {}),
    ...(metadata ? { metadata } : {}),
  })));
  try {
    const converter = converterOf(type, { ...registeredConfig(registry.url), ...config }, {
      ...contextOf(),
      ...context,
    });
    return await decoded(converter, type, records);
  } finally {
    await registry.stop();
  }
}

function converterOf(type: RegisteredSchema["schemaType"], config: object, context: ConverterContext): Converter {
  const plugin = type === "AVRO" ? avroConverter : type === "JSON" ? jsonSchemaConverter : protobufConverter;
  const defaults = Object.entries(plugin.options).map(([key, option]) => [key, option.default]);
  return plugin.create({ ...Object.fromEntries(defaults), ...config } as never, context);
}

async function decoded(
  converter: Converter,
  type: RegisteredSchema["schemaType"],
  records: readonly Written[],
): Promise<Read> {
  const slab = slabOf(
    records.map(([version, payload]) =>
      Uint8Array.of(0, 0, 0, 0, version, ...(type === "PROTOBUF" ? [0] : []), ...payload)
    ),
  );
  const rejects = new Map<number, DataError>();
  const runs = await converter.decode(slab, allOf(slab), (index, error) => void rejects.set(index, error));
  const rows: Record<number, { [name: string]: Plain }> = {};
  for (const { data, rows: indices } of runs) rowsOf(data).forEach((row, i) => rows[indices[i]] = row);
  const errors = Object.fromEntries(
    [...rejects].map(([index, { details }]) => [index, `${details.stage ?? "VALUE_CONVERTER"}: ${details.reason}`]),
  );
  return { rows, errors, rejects, batches: runs.length, columns: runs.at(-1)?.data.schema.names.map(String) ?? [] };
}

/** A payload of JSON. */
export function json(version: number, value: unknown): Written {
  return [version, new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))];
}
