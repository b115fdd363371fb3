/**
 * What the tests of this folder share: decoding a few values, and Arrow's views as plain values.
 *
 * @module
 */
import { type DataType, type Field, Schema, Type } from "apache-arrow";
import type { Converter, DataError, DecodedRows } from "../../mod.ts";
import { allOf, collectRejects, contextOf, slabOf } from "../testing.ts";
import { jsonConverter } from "./mod.ts";

await jsonConverter.load!();

/** A converter for a fixed schema, or for what the target has by then. */
export function converter(
  schema: Schema | (() => Schema | null),
  nanos: "reject" | "truncate" = "reject",
): Converter {
  const config = { "value.schema": null, "key.schema": null, "json.timestamp.nanos": nanos };
  return jsonConverter.create(config, contextOf(schema instanceof Schema ? () => schema : schema));
}

/** Decodes values as one slab. */
export async function decode(
  json: Converter,
  values: readonly (string | Uint8Array | null)[],
): Promise<{ run: DecodedRows | undefined; rows: unknown[]; rejects: Map<number, DataError> }> {
  const slab = slabOf(values);
  const { rejects, reject } = collectRejects();
  const [run, ...others] = await json.decode(slab, allOf(slab), reject);
  if (others.length > 0) throw new Error("expected one run a slab");
  return { run, rows: run ? rowsOf(run) : [], rejects };
}

/** The rows as objects: longs and decimals (unscaled) are bigints, bytes arrays of numbers, maps objects. */
export function rowsOf({ data }: DecodedRows): unknown[] {
  return [...data].map((row) => plainFields(row, data.schema.fields));
}

function plainFields(row: unknown, fields: readonly Field[]): unknown {
  return Object.fromEntries(
    fields.map(({ name, type }) => [name, plain((row as Record<string, unknown>)[name], type)]),
  );
}

function plain(value: unknown, type: DataType): unknown {
  if (value === null || value === undefined) return null;
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Struct:
      return plainFields(value, children);
    case Type.List:
      return [...value as Iterable<unknown>].map((entry) => plain(entry, children[0].type));
    case Type.Map: {
      const of = (children[0].type.children as Field[])[1].type;
      return Object.fromEntries([...value as Iterable<[string, unknown]>].map(([key, v]) => [key, plain(v, of)]));
    }
    case Type.Decimal:
      return BigInt.asIntN(128, [...value as Uint32Array].reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n));
    case Type.Binary:
      return [...value as Uint8Array];
    default:
      return value;
  }
}
