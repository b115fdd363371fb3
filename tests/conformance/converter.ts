/**
 * What every converter must do, as a library that defines tests: `converterConformance("avro", { make, samples })`.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Schema } from "apache-arrow";
import fc from "fast-check";
import { type Converter, DataError, type DecodedRows, type RawRecords } from "../../mod.ts";
import { type Plain, rowsOf } from "./rows.ts";
import { slabOf } from "./slab.ts";

/** Payloads of one writer schema, with the rows that they must become. */
export interface ConverterSamples {
  /** Each payload, with its row. */
  readonly good: readonly { readonly bytes: Uint8Array; readonly row: { readonly [name: string]: Plain } }[];
}

/** What a format hands over. */
export interface ConverterCase {
  /** A new converter that can decode all samples; one that infers has learned already. */
  make(): Promise<Converter>;
  /** At least one; formats whose records carry a schema have at least two, with different schemas. */
  readonly samples: readonly ConverterSamples[];
  /** Payloads that no converter of the format can read; none where it reads any bytes. */
  readonly bad: readonly Uint8Array[];
  /** How often payloads are mutated; default 2,000. */
  readonly mutations?: number;
}

interface Decoded {
  readonly runs: readonly DecodedRows[];
  readonly rejects: ReadonlyMap<number, DataError>;
}

/** Decodes, and holds the converter to its word: each record once, in order, columns as long as the rows. */
async function decode(converter: Converter, records: RawRecords, indices: Int32Array): Promise<Decoded> {
  const rejects = new Map<number, DataError>();
  const runs = await converter.decode(records, indices, (index, error) => {
    assert(!rejects.has(index), `record ${index} is rejected once`);
    assert(error instanceof DataError && error.details.reason !== "", "a reject is a DataError with a reason");
    rejects.set(index, error);
  });
  const seen = runs.flatMap(({ data, rows }) => {
    assertEquals(data.numRows, rows.length);
    for (const column of data.data.children) assertEquals(column.length, rows.length, "columns of equal length");
    return [...rows];
  });
  assertEquals(seen, seen.toSorted((a, b) => a - b), "rows come in the order of the records");
  assertEquals([...seen, ...rejects.keys()].sort((a, b) => a - b), [...indices], "each record once, and no other");
  return { runs, rejects };
}

/** The row that each record became, by its index. */
function rowByIndex({ runs }: Decoded): Map<number, { [name: string]: Plain }> {
  return new Map(runs.flatMap(({ data, rows }) => rowsOf(data).map((row, i) => [rows[i], row] as const)));
}

/** A converter that infers may see a new field in a mutated payload: the rows beside it then have a null there. */
function assertRow(actual: Plain | undefined, wanted: Plain): void {
  assertEquals(withoutNulls(actual ?? null), withoutNulls(wanted));
}

function withoutNulls(value: Plain): Plain {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => inner === null ? [] : [[name, withoutNulls(inner)]]),
  );
}

const all = (records: RawRecords) => Int32Array.from({ length: records.count }, (_, i) => i);

/** Defines the tests. */
export function converterConformance(name: string, { make, samples, bad, mutations = 2000 }: ConverterCase): void {
  const test = (what: string, body: (converter: Converter) => Promise<void>) =>
    Deno.test(`${name}: ${what}`, async () => await body(await make()));
  const goods = samples.flatMap(({ good }, kind) => good.map((each) => ({ ...each, kind })));

  test("decode() gives the rows that the samples promise", async (converter) => {
    for (const { good } of samples) {
      const records = slabOf(good.map(({ bytes }) => ({ value: bytes })));
      const decoded = await decode(converter, records, all(records));
      assertEquals([...decoded.rejects.values()].map(({ message }) => message), []);
      const rows = rowByIndex(decoded);
      good.forEach(({ row }, i) => assertEquals(rows.get(i), row));
    }
  });

  test("decode() of no records gives no rows", async (converter) => {
    assertEquals((await decode(converter, slabOf([]), new Int32Array(0))).runs.flatMap(({ rows }) => [...rows]), []);
  });

  test("decode() looks at the given records alone", async (converter) => {
    const records = slabOf(goods.map(({ bytes }, i) => ({ value: i % 2 ? bytes : null })));
    const odd = all(records).filter((i) => i % 2 === 1);
    const rows = rowByIndex(await decode(converter, records, odd));
    for (const i of odd) assertEquals(rows.get(i), goods[i].row);
  });

  test("decode() rejects what cannot be read, and the rows beside it stay whole", async (converter) => {
    const choice = fc.constantFrom<{ good: typeof goods[number] | null; bytes: Uint8Array }>(
      ...goods.map((good) => ({ good, bytes: good.bytes })),
      ...bad.map((bytes) => ({ good: null, bytes })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(choice, { maxLength: 40 }), async (choices) => {
        const records = slabOf(choices.map(({ bytes }) => ({ value: bytes })));
        const decoded = await decode(converter, records, all(records));
        const rows = rowByIndex(decoded);
        choices.forEach(({ good }, i) => {
          assertEquals(decoded.rejects.has(i), good === null, `record ${i}: ${decoded.rejects.get(i)?.message}`);
          if (good) assertEquals(rows.get(i), good.row);
        });
      }),
      { numRuns: 50 },
    );
  });

  test("decode() gives the same schema object for the same schema, and a run for each stretch of it", async (converter) => {
    const schemas = new Map<number, Schema>();
    for (const order of [goods, goods.toReversed(), goods]) {
      const records = slabOf(order.map(({ bytes }) => ({ value: bytes })));
      const { runs } = await decode(converter, records, all(records));
      for (const { data, rows } of runs) {
        if (rows.length === 0) continue;
        const kinds = new Set([...rows].map((row) => order[row].kind));
        for (const kind of kinds) {
          const known = schemas.get(kind) ?? data.schema;
          schemas.set(kind, known);
          assertStrictEquals(data.schema, known, `samples ${kind}`);
        }
      }
    }
  });

  test("decode() repeats itself: the same slab gives the same rows", async (converter) => {
    const records = slabOf(goods.map(({ bytes }) => ({ value: bytes })));
    const first = rowByIndex(await decode(converter, records, all(records)));
    assertEquals(rowByIndex(await decode(converter, records, all(records))), first);
  });

  test("decode() results own their bytes: the slab may be overwritten", async (converter) => {
    const records = slabOf(goods.map(({ bytes }) => ({ value: bytes })));
    const decoded = await decode(converter, records, all(records));
    records.bytes.fill(0xff);
    const rows = rowByIndex(decoded);
    goods.forEach(({ row }, i) => assertEquals(rows.get(i), row));
  });

  test("decode() of mutated payloads never throws, hangs or harms the row after it", async (converter) => {
    const mutation = fc.tuple(
      fc.constantFrom(...goods),
      fc.constantFrom(...goods),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat()),
    );
    await fc.assert(
      fc.asyncProperty(mutation, async ([victim, neighbour, edits, cut]) => {
        const bytes = victim.bytes.slice(0, cut === null ? undefined : cut % (victim.bytes.length + 1));
        for (const [at, byte] of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        const records = slabOf([{ value: neighbour.bytes }, { value: bytes }, { value: neighbour.bytes }]);
        const rows = rowByIndex(await decode(converter, records, all(records)));
        assertRow(rows.get(0), neighbour.row);
        assertRow(rows.get(2), neighbour.row);
      }),
      { numRuns: mutations },
    );
  });
}
