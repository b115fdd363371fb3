import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Schema } from "apache-arrow";
import {
  type ConfigDef,
  DataError,
  FatalError,
  SinkBatch,
  type TransformPlugin,
  types,
  type Values,
} from "./api/mod.ts";
import { createTransformStage, type TransformStage } from "./transform.ts";
import { insertField } from "./transforms/insert_field.ts";
import { replaceField } from "./transforms/replace_field.ts";
import { timestampConverter } from "./transforms/timestamp_converter.ts";
import { topicNameMatches } from "./transforms/topic_name_matches.ts";
import { anySchema, anyValue, batchOf, type Plain, rowsOf } from "../tests/conformance/rows.ts";
import { slabOf } from "../tests/conformance/slab.ts";

type Row = { [name: string]: Plain };

function batchWith(schema: Schema, rows: readonly Row[], tombstones: Uint8Array | null = null): SinkBatch {
  const raw = slabOf(rows.map((_, i) => ({ offset: 90n + 2n * BigInt(i), timestampMs: i % 4 === 3 ? -1 : 1000 + i })), {
    from: 90n,
    partition: 5,
  });
  return new SinkBatch(
    batchOf(schema, rows),
    { raw, rows: Int32Array.from(rows.keys()) },
    raw.from,
    raw.to,
    tombstones,
  );
}

/** A chain of one step, its options over their defaults. */
function stageOf<Def extends ConfigDef>(plugin: TransformPlugin<Def>, options: Partial<Values<Def>>) {
  const defaults = Object.entries(plugin.options).map(([key, { default: value }]) => [key, value]);
  const config = { ...Object.fromEntries(defaults), ...options } as Values<ConfigDef>;
  return oneBatch(
    createTransformStage([{ alias: "t", plugin, config, side: "value", predicate: null, negate: false }]),
  );
}

/** For chains that never part a batch. */
function oneBatch({ transform }: TransformStage) {
  return {
    transform(...given: Parameters<typeof transform>): SinkBatch {
      const [batch, ...others] = transform(...given);
      assertEquals(others, []);
      return batch;
    },
  };
}

function transformed<Def extends ConfigDef>(
  plugin: TransformPlugin<Def>,
  options: Partial<Values<Def>>,
  batch: SinkBatch,
) {
  const rejects: [number, string][] = [];
  const out = stageOf(plugin, options).transform(batch, (_, row, error) => rejects.push([row, error.details.reason]));
  return { rows: rowsOf(out.data), names: out.data.schema.names, rejects, out };
}

const anyBatch = anySchema(1).chain((schema) => {
  const row = fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)])));
  return fc.array(row, { maxLength: 20 }).map((rows) => batchWith(schema, rows));
});
const someNames = fc.subarray(["f0", "f1", "f2", "x"]);

Deno.test("ReplaceField keeps, drops and renames like a loop over the fields of each row", () => {
  fc.assert(fc.property(anyBatch, someNames, someNames, someNames, (batch, include, exclude, olds) => {
    const renames = olds.map((old) => `${old}:${old}new`);
    const { rows, rejects, out } = transformed(replaceField, { include, exclude, renames }, batch);
    const wanted = rowsOf(batch.data).map((row) =>
      Object.fromEntries(
        Object.entries(row)
          .filter(([name]) => !exclude.includes(name) && (include.length === 0 || include.includes(name)))
          .map(([name, value]) => [olds.includes(name) ? `${name}new` : name, value]),
      )
    );
    assertEquals([rows, rejects], [wanted, []]);
    assertStrictEquals(out.origin, batch.origin);
  }));
});

Deno.test("ReplaceField refuses rows where a new name is taken", () => {
  const schema = new Schema([types.field("a", types.int8()), types.field("b", types.int8())]);
  const batch = batchWith(schema, [{ a: 1, b: 2 }, { a: 3, b: 4 }]);
  const { rows, rejects, out } = transformed(replaceField, { renames: ["a:b"] }, batch);
  assertEquals([rows, rejects], [[], [[0, "field name is taken"], [1, "field name is taken"]]]);
  assertEquals([out.from, out.to], [batch.from, batch.to]);
  assertEquals(transformed(replaceField, { renames: ["a:b"], exclude: ["b"] }, batch).rows, [{ b: 1 }, { b: 3 }]);
});

Deno.test("transform() gives the same schema for the same schema", () => {
  const schema = new Schema([types.field("a", types.int64())]);
  const stages = [
    stageOf(replaceField, { renames: ["a:b"] }),
    stageOf(insertField, { "topic.field": "t" }),
    stageOf(timestampConverter, { field: "a", "target.type": "Timestamp" }),
  ];
  for (const { transform } of stages) {
    const [first, second] = [1n, 2n].map((a) => transform(batchWith(schema, [{ a }]), () => {}));
    assertStrictEquals(first.data.schema, second.data.schema);
  }
});

Deno.test("InsertField adds the origin and a constant, nothing to tombstones", () => {
  const schema = new Schema([types.field("a", types.int8())]);
  const batch = batchWith(schema, [{ a: 1 }, { a: null }, { a: 3 }, { a: 4 }], Uint8Array.of(0b10));
  const { rows, rejects, out } = transformed(insertField, {
    "topic.field": "topic",
    "partition.field": "part!",
    "offset.field": "off",
    "timestamp.field": "ts?",
    "static.field": "env",
    "static.value": "prod",
  }, batch);
  const row = { topic: "orders", part: 5, env: "prod" };
  assertEquals(
    rows,
    [
      { a: 1, ...row, off: 90n, ts: 1_000_000n },
      { a: null, topic: null, part: null, env: null, off: null, ts: null },
      { a: 3, ...row, off: 94n, ts: 1_002_000n },
      { a: 4, ...row, off: 96n, ts: null },
    ].map((each) => ({ ...each })),
  );
  assertEquals(rejects, []);
  assertEquals(out.data.schema.fields.map(({ nullable }) => nullable), [true, true, false, true, true, true]);
});

Deno.test("InsertField refuses a record without the timestamp that is required", () => {
  const batch = batchWith(new Schema([types.field("a", types.int8())]), [0, 1, 2, 3].map((a) => ({ a })));
  const { rows, rejects } = transformed(insertField, { "timestamp.field": "ts!" }, batch);
  assertEquals(rejects, [[3, "record has no timestamp"]]);
  assertEquals(rows.length, 3);
});

Deno.test("TimestampConverter converts instants as a Date does, in every direction", () => {
  const instants = fc.array(fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }));
  fc.assert(fc.property(instants, (dates) => {
    const schema = new Schema([types.field("t", types.timestamp())]);
    const batch = batchWith(schema, dates.map((date) => ({ t: BigInt(date.getTime()) * 1000n })));
    const format = "yyyy-MM-dd'T'HH:mm:ss.SSSX";
    const to = (target: Values<typeof timestampConverter.options>["target.type"], from = batch) =>
      transformed(timestampConverter, { field: "t", "target.type": target, format }, from);
    const column = (target: Parameters<typeof to>[0]) => to(target).rows.map(({ t }) => t);
    assertEquals(column("string"), dates.map((date) => date.toISOString()));
    assertEquals(column("unix"), dates.map((date) => BigInt(date.getTime())));
    assertEquals(column("Date"), dates.map((date) => Math.floor(date.getTime() / 86_400_000)));
    assertEquals(
      column("Time"),
      dates.map((date) => date.getTime() - Math.floor(date.getTime() / 86_400_000) * 86_400_000),
    );
    for (const back of [to("string").out, to("unix").out]) {
      assertEquals(rowsOf(to("Timestamp", back).out.data), rowsOf(batch.data));
    }
  }));
});

Deno.test("TimestampConverter refuses what is no time, and lets nulls and missing fields pass", () => {
  const schema = new Schema([types.field("t", types.utf8()), types.field("n", types.float64())]);
  const batch = batchWith(schema, [{ t: "2024-02-30", n: 1 }, { t: null, n: 1 }, { t: "2024-02-29", n: 1 }]);
  const options = { "target.type": "Date", format: "yyyy-MM-dd" } as const;
  const day = Date.UTC(2024, 1, 29) / 86_400_000;
  const { rows, rejects } = transformed(timestampConverter, { ...options, field: "t" }, batch);
  assertEquals([rows.map(({ t }) => t), rejects], [[null, day], [[0, "not a time"]]]);
  assertEquals(transformed(timestampConverter, { ...options, field: "n" }, batch).rejects.length, 3);
  assertStrictEquals(transformed(timestampConverter, { ...options, field: "x" }, batch).out, batch);
});

Deno.test("TimestampConverter refuses what the target cannot hold instead of wrapping it", () => {
  const batch = batchWith(new Schema([types.field("t", types.int64())]), [{ t: 2n ** 62n }, { t: 1n }]);
  const options = { field: "t", "target.type": "Timestamp", "unix.precision": "seconds" } as const;
  const { rows, rejects } = transformed(timestampConverter, options, batch);
  assertEquals([rows, rejects], [[{ t: 1_000_000n }], [[0, "not a time"]]]);
});

Deno.test("TimestampConverter needs a format to write text", () => {
  assertThrows(() => stageOf(timestampConverter, { "target.type": "string" }), FatalError, "needs a format");
});

const twoSteps = (first: TransformPlugin, second: TransformPlugin) =>
  oneBatch(createTransformStage([first, second].map((plugin, i) => ({
    alias: `t${i}`,
    plugin,
    side: "value" as const,
    config: { ...Object.fromEntries(Object.keys(plugin.options).map((key) => [key, null])), "topic.field": "t" },
    predicate: null,
    negate: false,
  }))));

Deno.test("transform() takes refused rows out before the next step, also where a step drops rows of its own", () => {
  const dropper: TransformPlugin = {
    name: "Dropper",
    options: {},
    create: () => ({
      apply(batch, reject) {
        reject(1, new DataError("no", { reason: "no" }));
        reject(1, new DataError("no", { reason: "again" }));
        return batch.select(Int32Array.from({ length: batch.numRows }, (_, i) => i).filter((row) => row !== 0));
      },
    }),
  };
  const rejects: [bigint, string][] = [];
  const batch = batchWith(new Schema([types.field("a", types.int8())]), [0, 1, 2, 3].map((a) => ({ a })));
  const out = twoSteps(dropper, insertField as TransformPlugin)
    .transform(batch, (of, row, error) => rejects.push([of.offset(row), error.details.reason]));
  assertEquals(rowsOf(out.data), [{ a: 2, t: "orders" }, { a: 3, t: "orders" }]);
  assertEquals(rejects, [[92n, "no"]]);
  assertEquals([out.from, out.to, out.offset(0)], [batch.from, batch.to, 94n]);
});

Deno.test("transform() stops where a transform changes the origin", () => {
  const other = batchWith(new Schema([]), []);
  const changer: TransformPlugin = { name: "Changer", options: {}, create: () => ({ apply: () => other }) };
  const stage = createTransformStage([{
    alias: "bad",
    plugin: changer,
    config: {},
    side: "value",
    predicate: null,
    negate: false,
  }]);
  const batch = batchWith(new Schema([types.field("a", types.int8())]), [{ a: 1 }]);
  assertThrows(() => stage.transform(batch, () => {}), FatalError, "transform bad");
});

Deno.test("transform() applies a step where its predicate holds, or with negate where it does not", () => {
  const batch = batchWith(new Schema([types.field("a", types.int8())]), [{ a: 1 }]);
  for (
    const [pattern, negate, touched] of [["ord.*", false, true], ["ord", false, false], ["ord", true, true]] as const
  ) {
    const { transform } = createTransformStage([{
      alias: "t",
      side: "value",
      plugin: replaceField,
      config: { include: [], exclude: [], renames: ["a:b"], whitelist: [], blacklist: [] },
      predicate: { plugin: topicNameMatches, config: { pattern } },
      negate,
    }]);
    assertEquals(transform(batch, () => {})[0].data.schema.names, [touched ? "b" : "a"]);
  }
});
