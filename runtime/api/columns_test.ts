import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Data, Int64, makeData, Vector } from "apache-arrow";
import {
  BytesColumn,
  createColumn,
  createRow,
  type ListColumn,
  type NumberColumn,
  type StructColumn,
  types,
  WordsColumn,
} from "./mod.ts";
import { anySchema, anyType, anyValue, appendPlain, type Plain, plain, rowsOf } from "../../tests/conformance/rows.ts";
import { giveBuffer, recycle, takeBuffer } from "./buffers.ts";
import { recordBatch } from "./take.ts";

const typeAndValues = anyType(2).chain((type) =>
  fc.tuple(fc.constant(type), fc.array(anyValue(type), { maxLength: 150 }))
);

Deno.test("createColumn() gives back what was appended, for every type", () => {
  fc.assert(fc.property(typeAndValues, ([type, values]) => {
    const column = createColumn(type);
    for (const value of values) appendPlain(column, value);
    assertEquals(column.length, values.length);
    assertEquals(column.nullCount, values.filter((value) => value === null).length);
    const data = column.finish();
    assertEquals(values.map((_, i) => plain(data, i)), values.map(canonical));
    assertEquals(data.length, values.length);
    assertEquals(data.nullCount, values.filter((value) => value === null).length);
  }));
});

Deno.test("Column.finish() leaves an empty builder that can be used again", () => {
  fc.assert(fc.property(typeAndValues, ([type, values]) => {
    const column = createColumn(type);
    for (const value of values) appendPlain(column, value);
    const first = column.finish();
    assertEquals([column.length, column.nullCount], [0, 0]);
    for (const value of [...values].reverse()) appendPlain(column, value);
    const second = column.finish();
    assertEquals(values.map((_, i) => plain(first, i)), values.map(canonical), "the first result must not change");
    assertEquals(values.map((_, i) => plain(second, i)), [...values].reverse().map(canonical));
  }));
});

Deno.test("Column.truncate() forgets what came after, and appending goes on as if it had never been", () => {
  const steps = anyType(2).chain((type) =>
    fc.tuple(
      fc.constant(type),
      fc.array(fc.tuple(fc.array(anyValue(type), { maxLength: 40 }), fc.double({ min: 0, max: 1, noNaN: true })), {
        maxLength: 6,
      }),
    )
  );
  fc.assert(fc.property(steps, ([type, all]) => {
    const column = createColumn(type);
    let wanted: Plain[] = [];
    for (const [values, share] of all) {
      for (const value of values) appendPlain(column, value);
      wanted = [...wanted, ...values];
      const length = Math.floor(wanted.length * share);
      column.truncate(length);
      wanted = wanted.slice(0, length);
      assertEquals(column.length, wanted.length);
      assertEquals(column.nullCount, wanted.filter((value) => value === null).length);
    }
    const data = column.finish();
    assertEquals(wanted.map((_, i) => plain(data, i)), wanted.map(canonical));
    assertEquals(data.length, wanted.length);
  }));
});

Deno.test("StructColumn.truncate() rolls back a row that failed half-way, at any depth", () => {
  const cases = anySchema(2).chain((schema) => {
    const row = fc.record(Object.fromEntries(schema.fields.map((f) => [f.name, anyValue(f.type)])));
    return fc.tuple(fc.constant(schema), fc.array(fc.tuple(row, fc.option(fc.nat({ max: 3 }))), { maxLength: 60 }));
  });
  fc.assert(fc.property(cases, ([schema, rows]) => {
    const builder = createRow(schema.fields, types.struct(schema.fields));
    const good: { [name: string]: Plain }[] = [];
    for (const [row, failsAt] of rows) {
      const begun = builder.length;
      schema.fields.forEach(({ name }, i) => {
        if (failsAt !== null && i > failsAt) return;
        if (failsAt === i) appendHalf(builder.children[i], row[name]);
        else appendPlain(builder.children[i], row[name]);
      });
      if (failsAt !== null) builder.truncate(begun);
      else {
        builder.close();
        good.push(row);
      }
    }
    const batch = recordBatch(schema, builder.finish().children, good.length);
    assertEquals(rowsOf(batch), good.map((row) => canonical(row)));
  }));
});

Deno.test("WordsColumn.appendNumber() is exact for every safe integer", () => {
  fc.assert(fc.property(fc.array(fc.maxSafeInteger()), (numbers) => {
    const column = new WordsColumn(new Int64(), 2);
    for (const number of numbers) column.appendNumber(number);
    assertEquals([...column.finish().values], numbers.map(BigInt));
  }));
});

Deno.test("WordsColumn.appendParts() extends the sign of a long to a decimal", () => {
  fc.assert(fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), (values) => {
    const column = new WordsColumn(types.decimal(38, 0), 4);
    for (const value of values) {
      column.appendParts(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    }
    const data = column.finish();
    assertEquals(values.map((_, i) => plain(data, i)), values);
  }));
});

Deno.test("WordsColumn.appendUnsigned() is exact up to 2^64 - 1", () => {
  fc.assert(fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (values) => {
    const column = new WordsColumn(types.decimal(20, 0), 4);
    for (const value of values) {
      column.appendUnsigned(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    }
    const data = column.finish();
    assertEquals(values.map((_, i) => plain(data, i)), values);
  }));
});

Deno.test("BytesColumn.appendString() writes U+FFFD for a lone surrogate, as TextEncoder does", () => {
  const column = new BytesColumn(types.utf8());
  column.appendString("a\ud800b");
  column.appendString("");
  assertEquals(column.used, 5);
  const data = column.finish();
  assertEquals([plain(data, 0), plain(data, 1)], ["a\ufffdb", ""]);
});

Deno.test("Column.finish() is read by Arrow's own vectors", () => {
  const column = createColumn(types.list(types.int32()));
  appendPlain(column, [1, null, 3]);
  appendPlain(column, null);
  appendPlain(column, []);
  const vector = new Vector([column.finish()]);
  assertEquals(vector.toArray().map((list: Iterable<unknown> | null) => list && [...list]), [[1, null, 3], null, []]);
});

Deno.test("Column.byteLength grows with what is appended", () => {
  const column = createColumn(types.utf8());
  const before = column.byteLength;
  for (let i = 0; i < 1000; i++) (column as BytesColumn).appendString("0123456789");
  assert(column.byteLength >= before + 9000);
});

/** What the column holds of a value: floats in single precision are generated as such, strings lose lone surrogates. */
function canonical<T extends Plain>(value: T): T {
  if (typeof value === "string") return value.toWellFormed() as T;
  if (Array.isArray(value)) return value.map(canonical) as T;
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, canonical(inner)])) as T;
  }
  return value;
}

/** Appends the beginning of a value, as a decoder does that then meets bytes that it cannot read. */
function appendHalf(column: ReturnType<typeof createColumn>, value: Plain): void {
  if (Array.isArray(value)) {
    const { child } = column as ListColumn;
    if (value.length > 0 && !Array.isArray(value[0])) appendHalf(child, value[0]);
    if (value.length > 0 && column.type.typeId === 17 && Array.isArray(value[0])) {
      appendPlain((child as StructColumn).children[0], value[0][0]);
    }
  } else if (value !== null && typeof value === "object") {
    const row = column as StructColumn;
    appendPlain(row.children[0], Object.values(value)[0]);
  }
}

Deno.test("BytesColumn.appendNull() keeps where the next entry begins when it is the one that grows the offsets", () => {
  for (let nullAt = 0; nullAt < 300; nullAt++) {
    const column = new BytesColumn(types.utf8());
    for (let i = 0; i < 300; i++) i === nullAt ? column.appendNull() : column.appendString(`${i}`);
    const data = column.finish();
    for (let i = 0; i < 300; i++) {
      const text = new TextDecoder().decode(data.values.subarray(data.valueOffsets[i], data.valueOffsets[i + 1]));
      assertEquals(text, i === nullAt ? "" : `${i}`);
    }
  }
});

Deno.test("ColumnBase.advance() counts what was written directly, nulls by nullAt() among it; truncate() forgets both", () => {
  const entries = fc.array(fc.option(fc.integer({ min: -1e9, max: 1e9 })), { maxLength: 60 });
  fc.assert(fc.property(entries, entries, entries, fc.nat(60), (appended, dropped, written, cut) => {
    const column = createColumn(types.int32()) as NumberColumn;
    const write = (values: readonly (number | null)[]) => {
      const from = column.length;
      column.reserve(values.length);
      values.forEach((value, i) => {
        column.values[from + i] = value ?? 0;
        if (value === null) column.nullAt(from + i);
      });
      column.advance(from + values.length);
    };
    for (const value of appended) appendPlain(column, value);
    write(dropped);
    const kept = [...appended, ...dropped].slice(0, cut);
    column.truncate(cut);
    write(written);
    for (const value of appended) appendPlain(column, value);
    const wanted = [...kept, ...written, ...appended];
    const data = column.finish();
    assertEquals([data.length, data.nullCount], [wanted.length, wanted.filter((value) => value === null).length]);
    assertEquals(wanted.map((_, i) => plain(data, i)), wanted);
  }));
});

Deno.test("recycle() gives back what columns are made of, and whatever is left in it shows in no later column", () => {
  const dirty = (data: Data): void => {
    for (const array of [data.values, data.valueOffsets, data.nullBitmap]) {
      if (array) new Uint8Array(array.buffer).fill(0xa5);
    }
    data.children.forEach(dirty);
  };
  fc.assert(
    fc.property(typeAndValues, fc.boolean(), ([type, values], reserves) => {
      const many = Array.from({ length: 100 }, () => values).flat();
      const column = createColumn(type);
      for (const value of many) appendPlain(column, value);
      const first = column.finish();
      dirty(first);
      recycle(first);
      if (reserves) column.reserve(many.length);
      for (const value of many) appendPlain(column, value);
      const second = column.finish();
      assertEquals(many.map((_, i) => plain(second, i)), many.map(canonical));
      assertEquals(second.nullCount, many.filter((value) => value === null).length);
    }),
    { numRuns: 60 },
  );
});

Deno.test("recycle() leaves alone what no builder made, and takes back an array once", () => {
  const bytes = new Int32Array(10_000);
  const own = makeData({ type: types.int32(), length: 10_000, nullCount: 0, data: bytes } as never);
  recycle(own);
  const column = createColumn(types.int32()) as NumberColumn;
  column.reserve(10_000);
  assert(column.values.buffer !== bytes.buffer);
  column.advance(10_000);
  const data = column.finish();
  recycle(data);
  recycle(data);
  const [a, b] = [0, 0].map(() => {
    const next = createColumn(types.int32()) as NumberColumn;
    next.reserve(10_000);
    return next.values.buffer;
  });
  assert(a === data.values.buffer);
  assert(b !== a);
});

Deno.test("giveBuffer() keeps what is in use by now, whatever sizes were in use before", () => {
  const many = Array.from({ length: 400 }, (_, i) => takeBuffer((64 + i) * 1024));
  many.forEach(giveBuffer); // more than is kept, of sizes that nobody wants again
  const wanted = [0, 1].map(() => takeBuffer(3 * 1024 * 1024));
  wanted.forEach(giveBuffer);
  const again = [0, 1].map(() => takeBuffer(3 * 1024 * 1024));
  assertEquals(new Set(again), new Set(wanted));
  assert(again.every(({ byteLength }) => byteLength > 0));
  again.forEach(giveBuffer);
});
