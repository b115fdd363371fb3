import { assert, assertEquals, assertRejects } from "@std/assert";
import { type RecordBatch, Schema } from "apache-arrow";
import { DataError, FatalError, recordBatch, type RecordSide, RetriableError, SCHEMA_SUBJECT } from "../mod.ts";
import { slabOf, type SlabRecord } from "../tests/conformance/slab.ts";
import { createRegisteredConverter, type Payloads, type RegisteredFormat, type WriterSchema } from "./registered.ts";
import type { RegisteredSchema } from "./registry.ts";
import { type FakeRegistry, registryJson, startFakeRegistry } from "./registry_fake.ts";
import { collectRejects, contextOf, registeredConfig } from "./testing.ts";

const GUID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const TEXT = new TextEncoder();
const v0 = (id: number, ...after: number[]) => Uint8Array.of(0, 0, 0, id >> 8, id & 255, ...after);
const v1 = Uint8Array.of(1, ...GUID.replaceAll("-", "").match(/../g)!.map((hex) => parseInt(hex, 16)));
const header = (key: string, value: Uint8Array | null) => ({ key, value });

/** A format whose rows have no columns: what it was asked for is noted. */
function listening(hasMessageIndexes = false) {
  const compiled: WriterSchema[] = [];
  const payloads: string[] = [];
  const format: RegisteredFormat = {
    schemaType: "AVRO",
    mismatch: "not an avro schema",
    hasMessageIndexes,
    compile(writer) {
      compiled.push(writer);
      const schema = new Schema([], new Map([[SCHEMA_SUBJECT, String(writer.source.subject)]]));
      let rows = 0;
      const finish = (): RecordBatch => {
        const batch = recordBatch(schema, [], rows);
        rows = 0;
        return batch;
      };
      return {
        rows: { finish, discard: () => rows = 0 },
        append(bytes, start, end, valueStart) {
          const payload = new TextDecoder().decode(bytes.subarray(start, end));
          payloads.push(`${start - valueStart}:${payload}`);
          if (payload === "bad") return new DataError("bad", { reason: "bad" });
          rows++;
          return null;
        },
      };
    },
  };
  return { format, compiled, payloads };
}

async function decode(
  fake: FakeRegistry,
  records: SlabRecord[],
  { side = "value", hasMessageIndexes = false }: { side?: RecordSide; hasMessageIndexes?: boolean } = {},
) {
  const { format, compiled, payloads } = listening(hasMessageIndexes);
  const context = { ...contextOf(), side };
  const converter = createRegisteredConverter(format, registeredConfig(fake.url), context);
  const { rejects, reject } = collectRejects();
  const slab = slabOf(records);
  const runs = await converter.decode(slab, Int32Array.from(records.keys()), reject);
  return {
    runs: runs.map(({ rows }) => [...rows]),
    rejects: Object.fromEntries([...rejects].map(([index, { details }]) => [index, details.reason])),
    compiled,
    payloads,
    converter,
    slab,
  };
}

const schema = (id: number, more: Partial<RegisteredSchema> = {}): RegisteredSchema => ({
  id,
  schemaType: "AVRO",
  schema: `text ${id}`,
  references: [],
  ...more,
});

async function withRegistry(schemas: RegisteredSchema[], body: (fake: FakeRegistry) => Promise<void>): Promise<void> {
  const fake = startFakeRegistry(schemas);
  try {
    await body(fake);
  } finally {
    await fake.stop();
  }
}

Deno.test("a record names its schema by id, by GUID, or by either in a header, the payload then being bare", () =>
  withRegistry([schema(1), schema(2, { guid: GUID })], async (fake) => {
    const framed = (prefix: Uint8Array, text: string) => Uint8Array.of(...prefix, ...TEXT.encode(text));
    const { runs, rejects, payloads, compiled } = await decode(fake, [
      { value: framed(v0(1), "a") },
      { value: framed(v1, "b") },
      { value: "c", headers: [header("__value_schema_id", v1)] },
      { value: "d", headers: [header("x", null), header("__value_schema_id", v0(1))] },
      // The header goes before the payload, whatever that begins with.
      { value: framed(v0(9), "e"), headers: [header("__value_schema_id", v0(1))] },
      { value: "f", headers: [header("__key_schema_id", v0(1))] },
      { value: "g", headers: [header("__value_schema_id", null)] },
    ]);
    assertEquals(runs, [[0], [1, 2], [3, 4]]);
    assertEquals(rejects, { 5: "no schema id frame", 6: "no schema id frame" });
    assertEquals(payloads, ["5:a", "17:b", "0:c", "0:d", "0:\0\0\0\0\te"]);
    assertEquals(compiled.map(({ text, source }) => [text, source.schemaId]), [["text 1", 1], ["text 2", 2]]);
  }));

Deno.test("runs of a schema are decoded at once, record by record only what the run leaves, whatever other headers say", () =>
  withRegistry([schema(1), schema(2)], async (fake) => {
    const { format, payloads } = listening();
    const ranges: string[] = [];
    const compile = (writer: WriterSchema) => {
      const decoder = format.compile(writer);
      return {
        ...decoder,
        // As code does: up to a payload that it does not take.
        appendRun(bytes: Uint8Array, { indices, starts, ends }: Payloads, from: number, to: number): number {
          let at = from;
          for (; at < to && ends[indices[at]] - starts[indices[at]] === 1; at++) {
            decoder.append(bytes, starts[indices[at]], ends[indices[at]], starts[indices[at]]);
          }
          ranges.push(`${writer.text}: ${from}-${at} of ${to}`);
          return at;
        },
      };
    };
    const converter = createRegisteredConverter({ ...format, compile }, registeredConfig(fake.url), contextOf());
    const trace = [header("traceparent", v1)];
    const slab = slabOf([
      { value: v0(1, 97) },
      { value: v0(1, 98), headers: trace },
      { value: v0(1, ...TEXT.encode("bad")) },
      { value: v0(1, ...TEXT.encode("long")), headers: trace },
      { value: "e", headers: [...trace, header("__value_schema_id", v0(1))] },
      { value: "f", headers: [header("__value_schema_id", v0(1))] },
      { value: v0(1, 103) },
      { value: v0(1, 104) },
      { value: v0(2, 105) },
      { value: null },
      { value: "no frame" },
      { value: v0(2, 106) },
    ]);
    const { rejects, reject } = collectRejects();
    const indices = Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11);
    const runs = await converter.decode(slab, indices, reject);
    assertEquals(runs.map(({ rows, data }) => [[...rows], data.numRows]), [[[0, 1, 3, 4, 5, 6, 7], 7], [[8, 11], 2]]);
    const reasons = [...rejects].map(([index, { details }]) => [index, details.reason]);
    assertEquals(reasons, [[2, "bad"], [10, "no schema id frame"]]);
    assertEquals(payloads.map((text) => text.slice(2)), ["a", "b", "bad", "long", "e", "f", "g", "h", "i", "j"]);
    // The two records of schema 2 are no run.
    assertEquals(ranges, ["text 1: 0-2 of 8", "text 1: 3-3 of 8", "text 1: 4-8 of 8"]);
  }));

Deno.test("keys name their schemas as values do", () =>
  withRegistry([schema(1)], async (fake) => {
    const records = [
      { key: Uint8Array.of(...v0(1), 97), value: null },
      { key: "b", value: "x", headers: [header("__key_schema_id", v0(1))] },
    ];
    const { runs, payloads } = await decode(fake, records, { side: "key" });
    assertEquals([runs, payloads], [[[0, 1]], ["5:a", "0:b"]]);
  }));

Deno.test("message indexes choose the decoder, in the payload and in a header", () =>
  withRegistry([schema(1)], async (fake) => {
    const { runs, payloads, compiled } = await decode(fake, [
      { value: v0(1, 0, 97) },
      { value: v0(1, 4, 2, 4, 98) },
      { value: "c", headers: [header("__value_schema_id", v0(1, 0))] },
      { value: v0(1, 2, 0, 100) },
    ], { hasMessageIndexes: true });
    assertEquals([runs, payloads], [[[0], [1], [2, 3]], ["6:a", "8:b", "0:c", "7:d"]]);
    assertEquals(compiled.map(({ messageIndexes }) => messageIndexes), [[0], [1, 2]]);
  }));

Deno.test("a schema of several subjects is the one's that the topic's producer registered it under", () =>
  withRegistry([
    schema(1, { subject: "shared.Order", version: 9 }),
    schema(1, { subject: "orders-value", version: 2 }),
  ], async (fake) => {
    const { compiled } = await decode(fake, [{ value: v0(1) }]);
    assertEquals(compiled[0].source, { schemaId: 1, subject: "orders-value", version: 2 });
  }));

Deno.test("a registry that does not tell subjects, or lets nobody ask, is no reason to fail", () =>
  withRegistry([schema(1)], async (fake) => {
    fake.intercept = (request) =>
      request.url.endsWith("/versions") ? registryJson(403, { error_code: 40301, message: "forbidden" }) : null;
    const { compiled, runs } = await decode(fake, [{ value: v0(1) }]);
    assertEquals([runs, compiled[0].source], [[[0]], { schemaId: 1 }]);
  }));

Deno.test("references come with the names that the text imports them by", () =>
  withRegistry([
    schema(1, { references: [{ name: "common/money.proto", subject: "money", version: 1 }] }),
    schema(2, { subject: "money", version: 1 }),
  ], async (fake) => {
    const { compiled } = await decode(fake, [{ value: v0(1) }]);
    assertEquals(compiled[0].references.map(({ name, schema }) => [name, schema.schema]), [[
      "common/money.proto",
      "text 2",
    ]]);
  }));

Deno.test("nothing is decoded and nothing rejected while the registry is away, also for a GUID", () =>
  withRegistry([schema(2, { guid: GUID })], async (fake) => {
    const { format, payloads } = listening();
    const converter = createRegisteredConverter(format, registeredConfig(fake.url), contextOf());
    const slab = slabOf([{ value: "bad frame" }, { value: v1 }]);
    fake.intercept = () => registryJson(503, {});
    const reject = () => assert(false, "nothing is rejected");
    await assertRejects(() => converter.decode(slab, Int32Array.of(0, 1), reject), RetriableError);
    assertEquals(payloads, []);
    fake.intercept = null;
    const { rejects, reject: collect } = collectRejects();
    await converter.decode(slab, Int32Array.of(0, 1), collect);
    assertEquals([payloads, [...rejects.keys()]], [["17:"], [0]]);
  }));

Deno.test("a record whose payload is bad is rejected alone, one of another format by the mismatch", () =>
  withRegistry([schema(1), schema(2, { schemaType: "JSON" })], async (fake) => {
    const bad = Uint8Array.of(...v0(1), ...TEXT.encode("bad"));
    const { runs, rejects } = await decode(fake, [{ value: v0(1) }, { value: bad }, { value: v0(2) }, {
      value: v0(1),
    }]);
    assertEquals([runs, rejects], [[[0, 3]], { 1: "bad", 2: "not an avro schema" }]);
  }));

Deno.test("bytes that look like a GUID, on a registry that has none, reject the record and do not stop the task", () =>
  withRegistry([schema(1)], async (fake) => {
    fake.intercept = (request) =>
      request.url.includes("/guids/") ? registryJson(404, { error_code: 404, message: "HTTP 404 Not Found" }) : null;
    const { runs, rejects } = await decode(fake, [{ value: v0(1) }, { value: v1 }, { value: v0(1) }]);
    assertEquals([runs, rejects], [[[0, 2]], { 1: "unknown schema id" }]);
  }));

Deno.test("a GUID is no excuse for a URL at which there is no registry", () =>
  withRegistry([], async (fake) => {
    fake.intercept = () => registryJson(404, { error_code: 404, message: "HTTP 404 Not Found" });
    await assertRejects(() => decode(fake, [{ value: v1 }]), FatalError, "check schema.registry.url");
  }));

Deno.test("records that name ever other messages do not fill the memory with refusals", () =>
  withRegistry([schema(1)], async (fake) => {
    const { format } = listening(true);
    let compiled = 0;
    const refusing: RegisteredFormat = {
      ...format,
      compile() {
        compiled++;
        throw new DataError("no such message", { reason: "unknown message index" });
      },
    };
    const converter = createRegisteredConverter(refusing, registeredConfig(fake.url), contextOf());
    const messages = Array.from({ length: 1_100 }, (_, i) => ({ value: v0(1, 2, (2 * i & 0x7f) | 0x80, i >> 6) }));
    const decodeAll = (records: SlabRecord[]) =>
      converter.decode(slabOf(records), Int32Array.from(records.keys()), () => {});
    await decodeAll(messages);
    await decodeAll(messages.slice(-10));
    assertEquals(compiled, 1_100);
    await decodeAll(messages.slice(0, 10));
    assertEquals(compiled, 1_110);
  }));

Deno.test("a schema that exhausts the stack is refused, other bugs are thrown", () =>
  withRegistry([schema(1)], async (fake) => {
    const { format } = listening();
    const recurse = (): number => 1 + recurse();
    const decodeBy = (compile: RegisteredFormat["compile"]) => {
      const { rejects, reject } = collectRejects();
      const converter = createRegisteredConverter({ ...format, compile }, registeredConfig(fake.url), contextOf());
      return converter.decode(slabOf([{ value: v0(1) }]), Int32Array.of(0), reject).then(() => rejects.get(0));
    };
    const error = await decodeBy(() => {
      recurse();
      throw new Error("unreachable");
    });
    assertEquals(error?.details.reason, "schema too large");
    await assertRejects(() => decodeBy(() => new Uint8Array(-1) as never), RangeError);
  }));

Deno.test("a schema of a type that only the registry knows rejects its records and is not asked for without end", () =>
  withRegistry([schema(1), schema(2, { schemaType: "XML" as never })], async (fake) => {
    const { runs, rejects } = await decode(fake, [{ value: v0(1) }, { value: v0(2) }]);
    assertEquals([runs, rejects], [[[0]], { 1: "unknown schema type" }]);
    assertEquals(fake.requests.filter((path) => path.endsWith("/ids/2")).length, 1);
  }));
