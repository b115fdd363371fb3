/**
 * For the tests of this folder: avsc as the oracle (with exact longs), random schemas and values, slabs, and columns
 * read back as plain values.
 *
 * @module
 */
import { type Data, type RecordBatch, Type } from "apache-arrow";
import avsc from "avsc";
import { Buffer } from "node:buffer";
import { isNull, type RawRecords } from "../../mod.ts";

/** Schema JSON. */
export type Json = string | Json[] | { type: string; [key: string]: unknown };

/** A type of avsc whose longs are bigints and whose unions are always wrapped. */
export function oracle(schema: Json): avsc.Type {
  const long = avsc.types.LongType.__with({
    fromBuffer: (buffer: Uint8Array) => new DataView(buffer.buffer, buffer.byteOffset, 8).getBigInt64(0, true),
    toBuffer: (value: bigint) => Buffer.from(new BigInt64Array([value]).buffer),
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === "bigint",
    compare: (a: bigint, b: bigint) => a === b ? 0 : a < b ? -1 : 1,
  } as never);
  const typeHook = (part: unknown) =>
    part === "long" || (part as { type?: unknown }).type === "long" ? long : undefined;
  return avsc.Type.forSchema(schema as avsc.Schema, { wrapUnions: "always", typeHook } as never);
}

/** The row of a column as a plain value: bytes as hex, maps as entries, 64 bit and decimals as bigints. */
function columnValue(data: Data, row: number): unknown {
  if (isNull(data, row)) return null;
  const at = data.offset + row;
  switch (data.type.typeId) {
    case Type.Bool:
      return (data.values[at >> 3] & (1 << (at & 7))) !== 0;
    case Type.Decimal: {
      const words = new Uint32Array(data.values.buffer, data.values.byteOffset + 16 * row, 4);
      return BigInt.asIntN(128, words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n));
    }
    case Type.Utf8:
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(slice(data, at));
    case Type.Binary:
      return hex(slice(data, at));
    case Type.List:
      return items(data, row).map((item) => columnValue(data.children[0], item));
    case Type.Map: {
      const [keys, values] = data.children[0].children;
      return items(data, row).map((item) => [columnValue(keys, item), columnValue(values, item)]);
    }
    case Type.Struct:
      return Object.fromEntries(data.type.children.map((f, i) => [f.name, columnValue(data.children[i], row)]));
    default:
      return data.values[row];
  }
}

/** The rows of a batch as plain objects. */
export function batchRows(batch: RecordBatch): Record<string, unknown>[] {
  return Array.from(
    { length: batch.numRows },
    (_, row) =>
      Object.fromEntries(batch.schema.fields.map((f, i) => [f.name, columnValue(batch.data.children[i], row)])),
  );
}

function slice(data: Data, at: number): Uint8Array {
  return data.values.subarray(data.valueOffsets[at], data.valueOffsets[at + 1]);
}

function items(data: Data, row: number): number[] {
  const from = data.valueOffsets[row];
  return Array.from({ length: data.valueOffsets[row + 1] - from }, (_, i) => from + i);
}

/** Lower case, two digits a byte. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes from hex; blanks are ignored. */
export function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** A slab whose values are `values`. */
export function slab(values: readonly Uint8Array[]): RawRecords {
  const count = values.length;
  const starts = new Int32Array(count);
  const ends = new Int32Array(count);
  let size = 3;
  for (let i = 0; i < count; i++) {
    starts[i] = size;
    size = ends[i] = size + values[i].length;
  }
  const bytes = new Uint8Array(size + 7).fill(0xa5);
  for (let i = 0; i < count; i++) bytes.set(values[i], starts[i]);
  return {
    topic: "t",
    topicId: "id",
    partition: 0,
    bytes,
    count,
    from: 0n,
    to: BigInt(count),
    baseOffset: 0n,
    offsetDeltas: Int32Array.from({ length: count }, (_, i) => i),
    timestampsMs: new Float64Array(count),
    keyStarts: starts,
    keyEnds: ends,
    valueStarts: starts,
    valueEnds: ends,
    headerStarts: new Int32Array(count),
  } as RawRecords;
}

/** A payload behind the frame of a schema id. */
export function framed(schemaId: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(5 + payload.length);
  new DataView(out.buffer).setInt32(1, schemaId);
  out.set(payload, 5);
  return out;
}

/** Chance that repeats: mulberry32. */
export class Random {
  constructor(private state: number) {}
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
  below(count: number): number {
    return Math.floor(this.next() * count);
  }
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
  long(): bigint {
    const bits = this.pick([3, 6, 7, 13, 20, 31, 32, 33, 53, 63, 64]);
    let value = 0n;
    for (let i = 0; i < 2; i++) value = (value << 32n) | BigInt(this.below(4_294_967_296));
    return this.pick([BigInt.asIntN(64, value >> BigInt(64 - bits)), -1n - (value >> BigInt(65 - bits))]);
  }
  text(): string {
    const parts = ["a", "Ü", "€", "😀", "\u0000", "\uffff", "zz", " ", "0123456789abcdef0123456789abcdef"];
    return Array.from({ length: this.below(5) }, () => this.pick(parts)).join("");
  }
}

const LOGICAL = [
  { type: "int", logicalType: "date" },
  { type: "int", logicalType: "time-millis" },
  { type: "long", logicalType: "time-micros" },
  { type: "long", logicalType: "timestamp-millis" },
  { type: "long", logicalType: "timestamp-micros" },
  { type: "long", logicalType: "timestamp-nanos" },
  { type: "long", logicalType: "local-timestamp-millis" },
  { type: "string", logicalType: "uuid" },
  { type: "string", logicalType: "nobody-knows" },
] as const;

/** Makes random schemas; every named type gets a name of its own. */
export class Schemas {
  private names = 0;
  constructor(private readonly random: Random) {}

  record(depth: number): Json {
    const fields = Array.from({ length: this.random.below(6) }, (_, i) => ({ name: `f${i}`, type: this.type(depth) }));
    return { type: "record", name: this.name(), fields };
  }

  type(depth: number, inUnion = false): Json {
    const { random } = this;
    const nested = depth > 0 && random.next() < 0.5;
    if (nested) {
      switch (random.below(inUnion ? 3 : 4)) {
        case 0:
          return this.record(depth - 1);
        case 1:
          return { type: "array", items: this.item(depth - 1) };
        case 2:
          return { type: "map", values: this.item(depth - 1) };
        default:
          return this.union(depth - 1);
      }
    }
    const name = this.name();
    switch (random.below(inUnion ? 4 : 5)) {
      case 0:
        return { type: "enum", name, symbols: ["A", "B", "CC"].slice(0, 1 + random.below(3)) };
      case 1:
        return { type: "fixed", name, size: 1 + random.below(20) };
      case 2:
        return this.logical(name);
      case 3:
        return random.pick(["boolean", "int", "long", "float", "double", "bytes", "string"]);
      default:
        return "null";
    }
  }

  private name(): string {
    return `${this.random.pick(["a.b", "c"])}.N${this.names++}`;
  }

  private logical(name: string): Json {
    const { random } = this;
    const precision = 1 + random.below(38);
    const decimal = { logicalType: "decimal", precision, scale: random.below(precision + 1) };
    return random.pick<Json>([
      ...LOGICAL,
      { type: "bytes", ...decimal },
      { type: "fixed", name, size: 17 + random.below(4), ...decimal },
      { type: "fixed", name, size: 12, logicalType: "duration" },
      { type: "fixed", name, size: 16, logicalType: "uuid" },
    ]);
  }

  private item(depth: number): Json {
    const type = this.type(depth);
    return type === "null" || (Array.isArray(type) && type.every((t) => t === "null")) ? "int" : type;
  }

  private union(depth: number): Json {
    const branches: Json[] = [];
    const taken = new Set<string>();
    for (let i = this.random.below(5); i >= 0; i--) {
      const type = i === 2 ? "null" : this.type(depth, true);
      const name = branchName(type);
      if (taken.has(name)) continue;
      taken.add(name);
      branches.push(type);
    }
    return branches;
  }
}

/** The name of a union's branch as avsc has it. */
export function branchName(type: Json): string {
  if (typeof type === "string") return type;
  const { type: kind, name } = type as { type: string; name?: string };
  return name ?? kind;
}

/** A random value of a schema, as avsc takes it. */
export function randomValue(schema: Json, random: Random): unknown {
  if (Array.isArray(schema)) {
    const branch = random.pick(schema);
    return branch === "null" ? null : { [branchName(branch)]: randomValue(branch, random) };
  }
  const type = typeof schema === "string" ? { type: schema } as Exclude<Json, string | Json[]> : schema;
  const logical = type.logicalType;
  switch (type.type) {
    case "null":
      return null;
    case "boolean":
      return random.next() < 0.5;
    case "int":
      return Number(BigInt.asIntN(32, random.long()));
    case "long":
      return logical === "timestamp-millis" || logical === "local-timestamp-millis"
        ? random.long() / 1000n
        : random.long();
    case "float":
      return Math.fround(random.pick([0, -0, NaN, Infinity, random.next(), 1e30 * random.next()]));
    case "double":
      return random.pick([0, -0, NaN, -Infinity, random.next(), 1e300 * random.next()]);
    case "string":
      return random.text();
    case "bytes":
    case "fixed": {
      const size = type.type === "fixed" ? type.size as number : -1;
      if (logical !== "decimal") return Buffer.from(random.bytes(size < 0 ? random.below(40) : size));
      const bound = 10n ** BigInt(type.precision as number);
      const value = random.pick([
        bound - 1n,
        1n - bound,
        0n,
        -1n,
        random.long() % bound,
        (random.long() ** 2n) % bound,
      ]);
      return Buffer.from(
        twosComplement(value, size < 0 ? 16 + random.below(3) : size, size < 0 && random.next() < 0.5),
      );
    }
    case "enum":
      return random.pick(type.symbols as string[]);
    case "array":
      return Array.from({ length: random.below(4) }, () => randomValue(type.items as Json, random));
    case "map":
      return Object.fromEntries(
        Array.from(
          { length: random.below(4) },
          (_, i) => [`k${i}${random.text()}`, randomValue(type.values as Json, random)],
        ),
      );
    default:
      return Object.fromEntries(
        (type.fields as { name: string; type: Json }[]).map((f) => [f.name, randomValue(f.type, random)]),
      );
  }
}

/** Big-endian, of `size` bytes or, cut short, of as few as it takes. */
export function twosComplement(value: bigint, size: number, short: boolean): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0, rest = value; i < size; i++, rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  const sign = value < 0n ? 0xff : 0;
  while (short && bytes.length > 1 && bytes[0] === sign && (bytes[1] ^ sign) < 0x80) bytes.shift();
  return Uint8Array.from(bytes);
}

const PROMOTIONS: Readonly<Record<string, readonly Json[]>> = {
  int: ["float", "double"],
  float: ["double"],
  string: ["bytes"],
};

/** A schema that can read what `schema` writes: fields dropped, added, reordered, promoted, made nullable. */
export function evolved(schema: Json, random: Random): Json {
  if (typeof schema === "string") return random.pick([schema, ...(PROMOTIONS[schema] ?? [])]);
  if (Array.isArray(schema)) return schema;
  switch (schema.type) {
    case "array":
      return { ...schema, items: evolved(schema.items as Json, random) };
    case "map":
      return { ...schema, values: evolved(schema.values as Json, random) };
    case "record": {
      const fields = (schema.fields as { name: string; type: Json }[]).filter(() => random.next() < 0.8).map((f) => {
        const type = evolved(f.type, random);
        return { ...f, type: Array.isArray(type) || type === "null" || random.next() < 0.7 ? type : ["null", type] };
      });
      const fresh = { name: "fresh", type: ["string", "null"], default: "Ü" };
      return { ...schema, fields: [...fields.toSorted(() => random.next() - 0.5), fresh] };
    }
    default:
      return schema;
  }
}
