import { assert, assertEquals } from "@std/assert";
import avsc from "avsc";
import { Buffer } from "node:buffer";
import protobuf from "protobufjs";
import { scanRecordSet } from "../../runtime/kafka/record_batch.ts";
import { BatchBuilder, COMPRESSIONS } from "./batches.ts";
import { ByteWriter } from "./byte_writer.ts";
import { createEncoder, type Format, registeredSchema } from "./formats.ts";
import { type Field, type RecordShape, type RecordValue, SHAPES, type Value } from "./schemas.ts";

const IDS = [0, 1, 2, 3, 4, 5, 6, 997, 123_456, 4_999_999];
const SCHEMA_ID = 0x01020304;

Deno.test("createEncoder() writes the same values in every format, of every shape", () => {
  for (const [name, shape] of Object.entries(SHAPES)) {
    for (const id of name === "records-1mib" ? [1] : IDS) {
      const wanted = shape.record(id);
      assertEquals(Object.keys(wanted), shape.fields.map((field) => field.name), name);
      assertEquals(wanted.id, id);
      for (const format of ["json", "avro", "protobuf"] as const) {
        assertEquals(decoded(format, shape, encoded(format, shape, id)), wanted, `${name} ${format} ${id}`);
      }
    }
  }
});

Deno.test("SHAPES.flat8 is 178 bytes of JSON whatever the record's number", () => {
  for (const id of IDS) assertEquals(encoded("json", SHAPES.flat8, id).length, 178);
});

Deno.test("SHAPES.nulls has nine nulls in ten, and each column has values", () => {
  const records = Array.from({ length: 2000 }, (_, id) => SHAPES.nulls.record(id));
  const names = SHAPES.nulls.fields.filter(({ nullable }) => nullable).map(({ name }) => name);
  const nulls = records.flatMap((record) => names.filter((name) => record[name] === null)).length;
  assert(Math.abs(nulls / records.length / names.length - 0.9) < 0.01, String(nulls));
  for (const name of names) assert(records.some((record) => record[name] !== null), name);
});

Deno.test("ByteWriter.zigzag() writes every width", () => {
  for (let bits = 0; bits <= 53; bits++) {
    for (const value of [2 ** bits - 1, 1 - 2 ** bits, 2 ** Math.min(bits, 52), -(2 ** Math.min(bits, 52))]) {
      const writer = new ByteWriter(1);
      writer.zigzag(value);
      const raw = writer.bytes.reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 127), 0n);
      assertEquals((raw >> 1n) ^ -(raw & 1n), BigInt(value));
    }
  }
});

Deno.test("BatchBuilder.finish() makes a batch that the fetcher's scan takes whole", () => {
  for (const compression of COMPRESSIONS) {
    const builder = new BatchBuilder();
    const encode = createEncoder("json", SHAPES.flat8, 0);
    for (let id = 0; id < 1000; id++) builder.add(String(id), (to) => encode(id, to));
    const bytes = builder.finish(compression, 1_760_000_000_000);
    assertEquals(builder.count, 0);
    const set = { topic: "t", topicId: "", partition: 0, from: 0n, bytes, aborted: null };
    assertEquals(scanRecordSet(set).to, 1000n, compression);
    assert(compression === "none" || bytes.length < 100_000, String(bytes.length));
  }
});

function encoded(format: Format, shape: RecordShape, id: number): Uint8Array {
  const writer = new ByteWriter(1);
  createEncoder(format, shape, SCHEMA_ID)(id, writer);
  return writer.bytes;
}

function decoded(format: Format, shape: RecordShape, bytes: Uint8Array): RecordValue {
  if (format === "json") return JSON.parse(new TextDecoder().decode(bytes));
  assertEquals([...bytes.subarray(0, 5)], [0, 1, 2, 3, 4]);
  const { text } = registeredSchema(format, shape)!;
  if (format === "avro") {
    const type = avsc.Type.forSchema(JSON.parse(text));
    return plain(shape.fields, type.fromBuffer(Buffer.from(bytes.subarray(5))));
  }
  assertEquals(bytes[5], 0);
  const message = protobuf.parse(text, { keepCase: true }).root.lookupType("Event");
  return plain(shape.fields, message.toObject(message.decode(bytes.subarray(6)), { defaults: true, longs: Number }));
}

/** As the shape makes them: what Protobuf leaves out is there, and 64 bit numbers are numbers. */
function plain(fields: readonly Field[], from: Record<string, Value | undefined>): RecordValue {
  return Object.fromEntries(fields.map(({ name, type, nullable }) => {
    const value = from[name];
    if (value === undefined || value === null) return [name, nullable ? null : []];
    if (typeof type === "object" && "array" in type && typeof type.array === "object" && "record" in type.array) {
      const { record } = type.array;
      return [name, (value as RecordValue[]).map((item) => plain(record, item))];
    }
    if (typeof type === "object" && "record" in type) return [name, plain(type.record, value as RecordValue)];
    return [name, type === "long" ? Number(value) : value];
  }));
}
