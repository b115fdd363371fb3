import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import { DataError, recordBatch, type RecordHeader, SinkBatch, type TransformPlugin, types } from "./api/mod.ts";
import { takeFrom } from "./take_from.ts";
import { createTransformStage } from "./transform.ts";
import { anySchema, anyValue, batchOf, type Plain, rowsOf } from "../tests/conformance/rows.ts";
import { slabOf } from "../tests/conformance/slab.ts";

type Row = { [name: string]: Plain };

/** A record of the reference: one after the other, each with a schema of its own. */
interface Reference {
  readonly value: Row | null;
  readonly key: Row | null;
  readonly headers: readonly string[];
  readonly topic: string;
}

interface Kind {
  readonly plugin: TransformPlugin;
  /** Null: dropped; a text: refused. */
  one(record: Reference): Reference | null | string;
}

const rowNumbers = (batch: SinkBatch) => Int32Array.from({ length: batch.numRows }, (_, row) => row);
const plugin = (name: string, apply: ReturnType<TransformPlugin["create"]>["apply"]): TransformPlugin => ({
  name,
  options: {},
  create: () => ({ apply }),
});
const withColumn = (rows: readonly Row[], schema: Schema) => batchOf(schema, rows);

/** Column `a` becomes text, and back: another type for the same name. */
const asText: Kind = {
  plugin: plugin("AsText", (batch) => {
    const schema = new Schema(
      batch.data.schema.fields.map((f) => f.name === "a" ? types.field("a", types.utf8()) : f),
    );
    const rows = rowsOf(batch.data).map((row) => ({
      ...row,
      ...("a" in row && { a: row.a === null ? null : `${row.a}` }),
    }));
    return batch.withData(withColumn(rows as Row[], schema));
  }),
  one: (record) => {
    const { value } = record;
    return value === null || value.a === undefined || value.a === null
      ? record
      : { ...record, value: { ...value, a: `${value.a}` } };
  },
};
const added = new WeakMap<Schema, Schema>();
/** As InsertField: a field of the name is an error. */
const adding: Kind = {
  plugin: plugin("Adding", (batch, reject) => {
    const { schema } = batch.data;
    if (schema.names.includes("b")) {
      for (const row of rowNumbers(batch)) {
        if (!batch.isTombstone(row)) reject(row, new DataError("no", { reason: "no" }));
      }
      return batch;
    }
    const target = added.get(schema) ?? new Schema([...schema.fields, types.field("b", types.int8())]);
    added.set(schema, target);
    return batch.withData(
      batchOf(target, rowsOf(batch.data).map((row, i) => ({ ...row as Row, b: batch.isTombstone(i) ? null : 7 }))),
    );
  }),
  one(record) {
    if (record.value === null) return record;
    return "b" in record.value ? "no" : { ...record, value: { ...record.value, b: 7 } };
  },
};
const dropping: Kind = {
  plugin: plugin("Dropping", (batch) => batch.select(rowNumbers(batch).filter((row) => batch.offset(row) % 3n !== 0n))),
  one: (record) => Number(record.headers[0]) % 3 === 0 ? null : record,
};
const refusing: Kind = {
  plugin: plugin("Refusing", (batch, reject) => {
    for (const row of rowNumbers(batch)) {
      if (batch.offset(row) % 5n === 0n) reject(row, new DataError("no", { reason: "no" }));
    }
    return batch;
  }),
  one: (record) => Number(record.headers[0]) % 5 === 0 ? "no" : record,
};
const marking: Kind = {
  plugin: plugin("Marking", (batch) =>
    batch.withHeaders(
      Array.from(rowNumbers(batch), (row): RecordHeader[] => [...batch.headers(row), { key: "more", value: null }]),
    )),
  one: (record) => ({ ...record, headers: [...record.headers, "more"] }),
};
const routing: Kind = {
  plugin: plugin(
    "Routing",
    (batch) =>
      batch.withRoutedTopics(
        Array.from(rowNumbers(batch), (row) => `${batch.routedTopic(row)}-${batch.offset(row) % 2n}`),
      ),
  ),
  one: (record) => ({ ...record, topic: `${record.topic}-${Number(record.headers[0]) % 2}` }),
};
const keying: Kind = {
  plugin: plugin("Keying", (batch) => {
    const schema = new Schema([types.field("id", types.int64())]);
    return batch.withKeys(batchOf(schema, Array.from(rowNumbers(batch), (row) => ({ id: batch.offset(row) }))), null);
  }),
  one: (record) => ({ ...record, key: { id: BigInt(record.headers[0]) } }),
};
const KINDS = { asText, adding, dropping, refusing, marking, routing, keying };

const SCHEMA = new Schema([types.field("a", types.int32()), types.field("s", types.list(types.utf8()))]);

const anyStep = fc.record({
  kind: fc.constantFrom(...Object.keys(KINDS) as (keyof typeof KINDS)[]),
  modulus: fc.integer({ min: 1, max: 4 }),
  negate: fc.boolean(),
});
const anyRecord = fc.option(
  fc.record({
    a: fc.option(fc.integer({ min: -9, max: 9 })),
    s: fc.option(fc.array(fc.option(fc.string({ maxLength: 3 }).map((text) => text.toWellFormed())), { maxLength: 3 })),
  }),
  { freq: 5 },
);

/** Without what is null: a batch has a column for all of its rows, a record only its own. */
const bare = (row: Row | null) => row && Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));

Deno.test("createTransformStage() with predicates by row treats records as one after the other", () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 24 }), fc.array(anyStep, { maxLength: 5 }), (values, steps) => {
      const raw = slabOf(
        values.map((value, i) => ({ offset: 100n + BigInt(i), value: value && "v", headers: [header(100 + i)] })),
        { from: 100n, to: 200n },
      );
      const bits = new Uint8Array((values.length + 7) >> 3);
      values.forEach((value, i) => bits[i >> 3] |= value === null ? 1 << (i & 7) : 0);
      const batch = new SinkBatch(
        batchOf(SCHEMA, values.map((value) => value ?? { a: null, s: null })),
        { raw, rows: Int32Array.from(values.keys()) },
        raw.from,
        raw.to,
        values.includes(null) ? bits : null,
      );
      const stage = createTransformStage(steps.map(({ kind, modulus, negate }, i) => ({
        alias: `t${i}`,
        plugin: KINDS[kind].plugin,
        config: {},
        side: "value",
        negate,
        predicate: { plugin: modulo(modulus), config: {} },
      })));
      const rejects: bigint[] = [];
      const out = stage.transform(batch, (of, row) => rejects.push(of.offset(row)));

      const wanted: [bigint, Reference][] = [];
      const refused: bigint[] = [];
      values.forEach((value, i) => {
        const offset = 100 + i;
        let record: Reference | null = { value, key: null, headers: [`${offset}`], topic: "orders" };
        for (const { kind, modulus, negate } of steps) {
          if ((offset % modulus === 0) === negate) continue;
          const next: Reference | null | string = KINDS[kind].one(record);
          if (typeof next === "string") refused.push(BigInt(offset));
          record = typeof next === "string" ? null : next;
          if (record === null) return;
        }
        wanted.push([BigInt(offset), { ...record, value: bare(record.value) }]);
      });
      const got = out.flatMap((part) => {
        const [rows, keys] = [rowsOf(part.data), part.keys && rowsOf(part.keys)];
        return rows.map((row, i): [bigint, Reference] => [part.offset(i), {
          value: part.isTombstone(i) ? null : bare(row as Row),
          key: part.hasKey(i) ? keys![i] as Row : null,
          headers: part.headers(i).map(({ key, value }) => value ? new TextDecoder().decode(value) : key),
          topic: part.routedTopic(i),
        }]);
      });
      // Keying takes bytes and decoded keys apart: a run has one or the other.
      assertEquals(got, wanted);
      assertEquals(rejects.sort(), refused.sort());
      assertEquals([out[0].from, out.at(-1)!.to], [batch.from, batch.to]);
      out.slice(1).forEach(({ from }, i) => assertEquals(from, out[i].to));
    }),
  );
});

const modulo = (modulus: number) => ({
  name: "Modulo",
  options: {},
  create: () => ({
    holds: (batch: SinkBatch) =>
      Uint8Array.from({ length: batch.numRows }, (_, row) => batch.offset(row) % BigInt(modulus) === 0n ? 1 : 0),
  }),
});

function header(offset: number): RecordHeader {
  return { key: "offset", value: new TextEncoder().encode(`${offset}`) };
}

Deno.test("createTransformStage() keeps rows in one batch where one schema serves them, and gives the same schema again", () => {
  const chain = (kind: Kind, plugin: ReturnType<typeof modulo>) =>
    createTransformStage([{
      ...{ alias: "t", plugin: kind.plugin, config: {}, side: "value", negate: false },
      predicate: { plugin, config: {} },
    }]);
  const sample = (values: readonly (number | null)[]) => {
    const raw = slabOf(values.map(() => ({})), { from: 0n });
    const rows = values.map((a) => ({ a, s: null }));
    return new SinkBatch(batchOf(SCHEMA, rows), { raw, rows: Int32Array.from(rows.keys()) }, raw.from, raw.to);
  };
  const adds = chain(adding, modulo(2));
  const [first, second] = [adds.transform(sample([1, 2, 3]), () => {}), adds.transform(sample([4, 5]), () => {})];
  assertEquals([first.length, second.length], [1, 1]);
  assert(first[0].data.schema === second[0].data.schema);
  assertEquals(rowsOf(first[0].data).map(({ b }) => b), [7, null, 7]);
  // What is null in all rows of a part takes the type of the other.
  assertEquals(chain(asText, modulo(2)).transform(sample([1, null, 3]), () => {}).length, 1);
  const parts = chain(asText, modulo(2)).transform(sample([1, 2, 4, 5]), () => {});
  assertEquals(parts.map(({ data }) => rowsOf(data).map(({ a }) => a)), [["1"], [2], ["4"], [5]]);
});

Deno.test("takeFrom() picks entries of two columns of any type", () => {
  const parts = anySchema().chain((schema) => {
    const rows = fc.array(fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)]))), {
      maxLength: 12,
    });
    return fc.tuple(fc.constant(schema), rows, rows, fc.array(fc.boolean(), { maxLength: 24 }));
  });
  fc.assert(fc.property(parts, ([schema, a, b, order]) => {
    const [of, others] = [batchOf(schema, a), batchOf(schema, b)];
    const picks: number[] = [];
    for (const isOther of order) {
      if (isOther ? b.length > 0 : a.length > 0) {
        picks.push(isOther ? ~(picks.length % b.length) : picks.length % a.length);
      }
    }
    const wanted = picks.map((pick) => pick < 0 ? rowsOf(others)[~pick] : rowsOf(of)[pick]);
    const columns = of.data.children.map((child, i) =>
      takeFrom(child, others.data.children[i], Int32Array.from(picks))
    );
    assertEquals(rowsOf(recordBatch(schema, columns, picks.length)), wanted);
  }));
});
