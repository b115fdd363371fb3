import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Decoder, Rows } from "./decoder.ts";
import { parseSchema } from "./schema.ts";
import {
  batchRows,
  branchName,
  evolved,
  hex,
  type Json,
  oracle,
  Random,
  randomValue,
  Schemas,
} from "./test_support.ts";

const NO_COLUMN = Symbol("no column");

/** What the columns must hold for a value that avsc has decoded. */
function expected(schema: Json, value: unknown): unknown {
  if (Array.isArray(schema)) return expectedUnion(schema, value as Record<string, unknown> | null);
  const type = typeof schema === "string" ? { type: schema } as Exclude<Json, string | Json[]> : schema;
  switch (type.type) {
    case "null":
      return NO_COLUMN;
    case "long": {
      const millis = type.logicalType === "timestamp-millis" || type.logicalType === "local-timestamp-millis";
      return millis ? value as bigint * 1000n : value;
    }
    case "float":
      // avsc does not round an int that it promotes.
      return Math.fround(value as number);
    case "bytes":
    case "fixed":
      return expectedBytes(type.logicalType as string | undefined, value as Uint8Array);
    case "array":
      return (value as unknown[]).map((item) => expected(type.items as Json, item));
    case "map":
      return Object.entries(value as object).map(([key, item]) => [key, expected(type.values as Json, item)]);
    case "record":
      return Object.fromEntries(
        (type.fields as { name: string; type: Json }[]).map((f) => [
          f.name,
          expected(f.type, (value as Record<string, unknown>)[f.name]),
        ]).filter(([, part]) => part !== NO_COLUMN),
      );
    default:
      return value;
  }
}

function expectedBytes(logical: string | undefined, bytes: Uint8Array): unknown {
  if (logical === "decimal") return BigInt.asIntN(8 * bytes.length, BigInt(`0x${hex(bytes)}`));
  if (logical === "uuid") return hex(bytes).replace(/(.{8})(.{4})(.{4})(.{4})(.*)/, "$1-$2-$3-$4-$5");
  if (logical !== "duration") return hex(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [months, days, millis] = [0, 4, 8].map((at) => BigInt(view.getUint32(at, true)));
  return { months, days, millis };
}

function expectedUnion(branches: Json[], value: Record<string, unknown> | null): unknown {
  const members = branches.filter((branch) => branch !== "null");
  if (members.length === 0) return NO_COLUMN;
  if (value === null) return null;
  const [[name, inner]] = Object.entries(value);
  const chosen = members.find((branch) => branchName(branch) === name)!;
  if (members.length === 1) return expected(chosen, inner);
  return Object.fromEntries(
    members.map((branch) => [
      branchName(branch).split(".").at(-1)!,
      branch === chosen ? expected(branch, inner) : null,
    ]),
  );
}

Deno.test("Decoder reads what avsc writes, for random schemas and values", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const schema = new Schemas(random).record(3);
      const type = oracle(schema);
      const rows = new Rows(parseSchema(JSON.stringify(schema)), { timestampNanos: "long" });
      const decoder = new Decoder(parseSchema(JSON.stringify(schema)), rows);
      for (let batch = 0; batch < 2; batch++) {
        const payloads = Array.from({ length: 8 }, () => type.toBuffer(randomValue(schema, random)));
        for (const payload of payloads) assertEquals(decoder.append(payload, 0, payload.length), null);
        const wanted = payloads.map((payload) => expected(schema, type.fromBuffer(payload)));
        const out = rows.finish();
        assertEquals(out.schema === rows.schema, true);
        assertEquals(batchRows(out), wanted as Record<string, unknown>[]);
      }
    }),
    { numRuns: 600, seed: 20 },
  );
});

Deno.test("Decoder holds values that are no records in one column", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      let schema = new Schemas(random).type(2);
      if (schema === "null" || (Array.isArray(schema) && schema.every((type) => type === "null"))) schema = "long";
      if (!Array.isArray(schema) && (schema as { type?: string }).type === "record") schema = ["null", schema];
      const type = oracle(schema);
      const writer = parseSchema(JSON.stringify(schema));
      const rows = new Rows(writer, { timestampNanos: "long" });
      const decoder = new Decoder(writer, rows);
      const payloads = Array.from({ length: 5 }, () => type.toBuffer(randomValue(schema, random)));
      for (const payload of payloads) assertEquals(decoder.append(payload, 0, payload.length), null);
      const wanted = payloads.map((payload) => ({ value: expected(schema, type.fromBuffer(payload)) }));
      assertEquals(batchRows(rows.finish()), wanted);
    }),
    { numRuns: 300, seed: 21 },
  );
});

/** Whether a union has branches between which values could be promoted: avsc takes the first, we the same type. */
function hasRivals(schema: Json): boolean {
  if (typeof schema === "string") return false;
  if (Array.isArray(schema)) {
    const kinds = schema.map((branch) => typeof branch === "object" && "type" in branch ? branch.type : branch);
    const numbers = kinds.filter((kind) => /^(int|long|float|double)$/.test(kind as string));
    const texts = kinds.filter((kind) => kind === "string" || kind === "bytes");
    return numbers.length > 1 || texts.length > 1 || schema.some(hasRivals);
  }
  const parts = (schema.fields as { type: Json }[] | undefined)?.map((f) => f.type) ?? [schema.items, schema.values];
  return parts.some((part) => part !== undefined && hasRivals(part as Json));
}

Deno.test("Decoder resolves like avsc, for random writers and readers derived from them", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const schema = new Schemas(random).record(3);
      fc.pre(!hasRivals(schema));
      const reader = evolved(schema, random);
      const [written, read] = [oracle(schema), oracle(reader)];
      const resolver = read.createResolver(written);
      const rows = new Rows(parseSchema(JSON.stringify(reader)), { timestampNanos: "long" });
      const decoder = new Decoder(parseSchema(JSON.stringify(schema)), rows);
      const payloads = Array.from({ length: 5 }, () => written.toBuffer(randomValue(schema, random)));
      for (const payload of payloads) assertEquals(decoder.append(payload, 0, payload.length), null);
      const wanted = payloads.map((payload) => expected(reader, read.fromBuffer(payload, resolver)));
      assertEquals(batchRows(rows.finish()), wanted as Record<string, unknown>[]);
    }),
    { numRuns: 400, seed: 22 },
  );
});
