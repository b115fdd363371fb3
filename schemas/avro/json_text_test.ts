import { Buffer } from "node:buffer";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError, types } from "../../mod.ts";
import { Decoder, Rows } from "./decoder.ts";
import { parseSchema, shortName } from "./schema.ts";
import {
  batchRows,
  branchName,
  type Json,
  oracle,
  Random,
  randomValue,
  Schemas,
  twosComplement,
  unhex,
} from "./test_support.ts";

function rowsOf(schema: Json, paths: readonly string[]): Rows {
  return new Rows(parseSchema(JSON.stringify(schema)), { timestampNanos: "long", jsonPaths: new Set(paths) });
}

function decode(schema: Json, paths: readonly string[], payload: Uint8Array, writer: Json = schema) {
  const rows = rowsOf(schema, paths);
  const decoder = new Decoder(writer === schema ? rows.type : parseSchema(JSON.stringify(writer)), rows);
  const error = decoder.append(payload, 0, payload.length);
  if (error) throw error;
  return batchRows(rows.finish())[0];
}

/** The text that the rules promise; written from the schema and the value alone. */
function textOf(schema: Json, value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(schema)) {
    const [name, inner] = Object.entries(value as Record<string, unknown>)[0];
    const branch = schema.find((type) => branchName(type) === name)!;
    const members = schema.filter((type) => type !== "null");
    if (members.length === 1) return textOf(branch, inner);
    return `{"${shortName(branchName(branch))}":${textOf(branch, inner)}}`;
  }
  const type = typeof schema === "string" ? { type: schema } as Exclude<Json, string | Json[]> : schema;
  const logical = type.logicalType as string | undefined;
  const bytes = () => value as Uint8Array;
  switch (type.type) {
    case "record":
      return `{${
        (type.fields as { name: string; type: Json }[]).map((field) =>
          `"${field.name}":${textOf(field.type, (value as Record<string, unknown>)[field.name])}`
        ).join(",")
      }}`;
    case "array":
      return `[${(value as unknown[]).map((item) => textOf(type.items as Json, item)).join(",")}]`;
    case "map":
      return `{${
        Object.entries(value as object).map(([key, item]) =>
          `${JSON.stringify(key)}:${textOf(type.values as Json, item)}`
        ).join(",")
      }}`;
    case "string":
    case "enum":
      return JSON.stringify(value);
    case "bytes":
    case "fixed":
      if (logical === "decimal") return decimal(bytes(), type.scale as number);
      if (logical === "uuid") {
        return JSON.stringify(bytes().toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"));
      }
      if (logical === "duration") {
        const view = new DataView(bytes().buffer, bytes().byteOffset);
        const [months, days, millis] = [0, 4, 8].map((at) => view.getUint32(at, true));
        return `{"months":${months},"days":${days},"millis":${millis}}`;
      }
      return JSON.stringify(bytes().toBase64());
    case "float":
    case "double":
      if (!Number.isFinite(value)) return `"${value}"`;
      return Object.is(value, -0) ? "-0" : type.type === "double" ? String(value) : shortest(value as number);
    default:
      if (logical === "date") return day(Number(value));
      if (logical === "timestamp-millis") return instant(BigInt(value as bigint) * 1000n, "Z");
      if (logical === "timestamp-micros") return instant(BigInt(value as bigint), "Z");
      if (logical === "local-timestamp-millis") return instant(BigInt(value as bigint) * 1000n, "");
      return String(value);
  }
}

function shortest(value: number): string {
  for (let digits = 1;; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
}

function day(days: number): string {
  const date = new Date(days * 864e5);
  return Number.isNaN(date.getTime()) ? String(days) : JSON.stringify(date.toISOString().slice(0, -14));
}

function instant(micros: bigint, zone: string): string {
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const date = new Date(Number((micros - rest) / 1000n));
  if (Number.isNaN(date.getTime())) return String(micros);
  return JSON.stringify(date.toISOString().slice(0, -1) + String(rest).padStart(3, "0") + zone);
}

function decimal(bytes: Uint8Array, scale: number): string {
  const raw = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const value = BigInt.asIntN(8 * bytes.length, raw);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const point = digits.length - scale;
  return (value < 0n ? "-" : "") + digits.slice(0, point) + (scale > 0 ? `.${digits.slice(point)}` : "");
}

Deno.test("Decoder writes any value as the JSON text that its schema and value say", () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = new Random(seed);
    const schema = new Schemas(random).record(3) as { fields: { name: string; type: Json }[] } & Json;
    const value = randomValue(schema, random) as Record<string, unknown>;
    const row = decode(schema, schema.fields.map(({ name }) => name), oracle(schema).toBuffer(value));
    for (const { name, type } of schema.fields) {
      const text = textOf(type, value[name]);
      assertEquals(row[name] ?? null, text === "null" ? null : text, `seed ${seed}, ${JSON.stringify(type)}`);
    }
  }
});

const node = {
  type: "record",
  name: "Node",
  fields: [{ name: "value", type: "long" }, { name: "next", type: ["null", "Node"] }, {
    name: "children",
    type: { type: "array", items: "Node" },
    default: [],
  }],
};

Deno.test("Decoder holds a recursive type as JSON text, at the path or at the elements' path", () => {
  const value = { value: 1n, next: { Node: { value: 2n ** 62n, next: null, children: [] } }, children: [] };
  const leaf = { value: 3n, next: null, children: [] };
  const payload = oracle(node).toBuffer({ ...value, children: [leaf, leaf] });
  const text = '{"value":3,"next":null,"children":[]}';
  assertEquals(decode(node, ["next", "children[]"], payload), {
    value: 1n,
    next: `{"value":${2n ** 62n},"next":null,"children":[]}`,
    children: [text, text],
  });
  assertEquals(decode(node, ["next", "children"], payload).children, `[${text},${text}]`);
  assertEquals(rowsOf(node, ["next", "children"]).schema.fields.map(types.isJson), [false, true, true]);
});

Deno.test("Decoder refuses a record whose JSON text would have more than 100 levels", () => {
  const deep = (levels: number) => unhex("00" + "02 00".repeat(levels) + "00" + "00".repeat(levels) + "00");
  assertEquals(String(decode(node, ["next", "children"], deep(99)).next).split("next").length, 100);
  const error = assertThrows(() => decode(node, ["next", "children"], deep(100)), DataError, "100 levels");
  assertEquals([error.details.reason, error.details.fieldPath], ["nested too deeply", "next.children"]);
});

Deno.test("Rows refuses what no column can hold with the option that would hold it", () => {
  const refusal = assertThrows(() => rowsOf(node, ["children"]), DataError);
  assertStringIncludes(refusal.message, 'set columns.json: ["next"] to hold it as JSON text');
});

Deno.test("Decoder holds as JSON text decimals of any precision, items that are always null, unions", () => {
  const fields = [
    { name: "d", type: { type: "bytes", logicalType: "decimal", precision: 60, scale: 2 } },
    { name: "nothing", type: { type: "array", items: "null" } },
    { name: "u", type: ["null", "int", "string"] },
  ];
  const schema = { type: "record", name: "R", fields };
  const wide = 10n ** 60n - 1n;
  const payload = (value: bigint) =>
    oracle(schema).toBuffer({ d: Buffer.from(twosComplement(value, 40, false)), nothing: [null], u: { int: 7 } });
  const row = decode(schema, ["d", "nothing", "u"], payload(-wide));
  assertEquals(row, { d: `-${"9".repeat(58)}.99`, nothing: "[null]", u: '{"int":7}' });
  assertEquals(decode(schema, ["d", "nothing[]", "u.string"], payload(1n)), {
    d: "0.01",
    nothing: [null],
    u: { int: 7, string: null },
  });
  const error = assertThrows(() => decode(schema, ["d", "nothing", "u"], payload(wide + 1n)), DataError);
  assertEquals(error.details.reason, "decimal out of precision");
});

Deno.test("Decoder resolves writer and reader within JSON text, defaults and renamed fields too", () => {
  const tree = (fields: Json[]): Json => ({
    type: "record",
    name: "R",
    fields: [{ name: "t", type: { type: "record", name: "T", fields } }],
  });
  const writer = tree([{ name: "old", type: "int" } as never, { name: "gone", type: "string" } as never]);
  const reader = tree([
    { name: "big", type: "long", aliases: ["old"] } as never,
    { name: "more", type: ["null", "T"], default: null } as never,
  ]);
  assertEquals(decode(reader, ["t"], unhex("0a 02 61"), writer), { t: '{"big":5,"more":null}' });
});
