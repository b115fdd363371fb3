/**
 * For the tests of this folder: random schemas as `.proto` text, random values of them, protobufjs as the oracle of what
 * payloads mean.
 *
 * @module
 */
import protobuf from "protobufjs";
import type { Plain } from "../../tests/conformance/rows.ts";

/** Chance that repeats: mulberry32. */
export class Random {
  /** Of all durations: parts that are merged agree. */
  readonly sign: number;
  constructor(private state: number) {
    this.sign = this.once(2) ? 1 : -1;
  }
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
  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
  /** 64 bits, often few of them. */
  long(): bigint {
    const all = (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
    return this.pick([0n, 1n, -1n, 1n << 63n, (1n << 63n) - 1n, BigInt.asIntN(64, all) >> BigInt(this.below(64))]);
  }
  text(): string {
    const parts = ["a", "Ü", "€", "😀", "\u0000", "\uffff", "zz", " ", "0123456789abcdef0123456789abcdef"];
    return Array.from({ length: this.below(5) }, () => this.pick(parts)).join("");
  }
}

type Syntax = "proto2" | "proto3";
const SCALARS = [
  ...["double", "float", "bool", "string", "bytes", "int32", "uint32", "sint32", "fixed32", "sfixed32"],
  ...["int64", "uint64", "sint64", "fixed64", "sfixed64"],
];
const KEYS = SCALARS.filter((name) => !["double", "float", "bytes"].includes(name));
const WELL_KNOWN = ["Timestamp", "Duration", "Int64Value", "StringValue", "BoolValue", "UInt64Value", "Empty"]
  .map((name) => `google.protobuf.${name}`);

/** Random `.proto` files with a message `M`. */
export class Schemas {
  private names = 0;
  private inGroup = false;
  constructor(private readonly random: Random, private readonly syntax: Syntax) {}

  file(): string {
    const imports = ["timestamp", "duration", "wrappers", "empty"].map((name) =>
      `import "google/protobuf/${name}.proto";`
    );
    const first = this.syntax === "proto3" || this.random.once(2) ? 0 : 7;
    return `syntax = "${this.syntax}";\npackage t.u;\n${imports.join("\n")}\n` +
      `enum Color { RED = ${first}; GREEN = 1; BLUE = -5; BIG = 300; }\n${this.message("M", 3)}`;
  }

  private message(name: string, depth: number): string {
    const { random } = this;
    const lines: string[] = [];
    const numbers = new Set<number>();
    const number = () => {
      let next: number;
      do next = random.pick([1 + random.below(15), 1 + random.below(40), 1 + random.below(3000)]); while (
        numbers.has(next)
      );
      numbers.add(next);
      return next;
    };
    for (let i = random.below(7); i >= 0; i--) lines.push(...this.field(depth, number));
    return `message ${name} {\n${lines.join("\n")}\n}`;
  }

  private field(depth: number, number: () => number): string[] {
    const { random, syntax } = this;
    const name = `f${this.names++}`;
    switch (random.below(8)) {
      case 0:
        return [
          `map<${random.pick(KEYS)}, ${random.once(3) && depth > 0 ? "Inner" : this.plain()}> ${name} = ${number()};`,
        ]
          .flatMap((line) => line.includes("Inner") ? this.withMessage(line, depth) : [line]);
      case 1: {
        const type = random.once(6) ? random.pick(WELL_KNOWN) : this.plain();
        const packable = SCALARS.includes(type) && type !== "string" && type !== "bytes" || type === "Color";
        const packed = packable && random.once(2) ? ` [packed = ${random.once(2)}]` : "";
        return [`repeated ${type} ${name} = ${number()}${packed};`];
      }
      case 2: {
        if (this.inGroup) break;
        const members = Array.from({ length: 1 + random.below(4) }, () => {
          const type = random.once(4) ? random.pick(WELL_KNOWN) : random.once(4) && depth > 0 ? "Inner" : this.plain();
          return `${type} f${this.names++} = ${number()};`;
        });
        // A message in a oneof is declared outside of it.
        const inner = this.withMessage(members.join(" "), depth);
        return [...inner.slice(0, -1), `oneof o${this.names++} { ${inner.at(-1)} }`];
      }
      case 3:
        if (depth === 0) break;
        return this.withMessage(`${this.label(["repeated"])} Inner ${name} = ${number()};`, depth);
      case 4: {
        if (syntax === "proto3" || depth === 0) break;
        // protobufjs reads no oneof within a group's text.
        const outer = this.inGroup;
        this.inGroup = true;
        const group = this.message("X", depth - 1).replace("message X", "");
        this.inGroup = outer;
        return [`${random.pick(["optional", "required", "repeated"])} group G${this.names++} = ${number()} ${group}`];
      }
      case 5:
        return [`${this.label()} ${random.pick(WELL_KNOWN)} ${name} = ${number()};`];
    }
    return [`${this.label()} ${this.plain()} ${name} = ${number()};`];
  }

  /** Declares what the line calls `Inner`, under a name of its own. */
  private withMessage(line: string, depth: number): string[] {
    if (!line.includes("Inner")) return [line];
    const name = `N${this.names++}`;
    return [this.message(name, depth - 1), line.replaceAll("Inner", name)];
  }

  private label(more: readonly string[] = []): string {
    return this.syntax === "proto2"
      ? this.random.pick(["optional", "required", ...more])
      : this.random.pick(["", "optional", ...more]);
  }

  private plain(): string {
    return this.random.once(8) ? "Color" : this.random.pick(SCALARS);
  }
}

/** A random value of a type, as `fromObject` takes it. */
export function randomMessage(type: protobuf.Type, random: Random): Record<string, unknown> {
  if (type.fullName === ".google.protobuf.Timestamp") {
    return { seconds: random.pick([0, -62135596800, 253402300799, random.below(2e9)]), nanos: random.below(1e9) };
  }
  if (type.fullName === ".google.protobuf.Duration") {
    const { sign } = random;
    return { seconds: sign * random.pick([0, 315576000000, random.below(2e9)]), nanos: sign * random.below(1e9) };
  }
  const out: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    field.resolve();
    if (!field.required && random.once(4)) continue;
    // Of a oneof the last one counts.
    if (field.partOf && !field.getOption("proto3_optional")) {
      for (const other of field.partOf.oneof) delete out[other];
    }
    if (field instanceof protobuf.MapField) {
      const entries: Record<string, unknown> = {};
      for (let i = random.below(4); i > 0; i--) entries[mapKey(field.keyType, random)] = randomValue(field, random);
      out[field.name] = entries;
    } else if (field.repeated) {
      out[field.name] = Array.from({ length: random.below(4) }, () => randomValue(field, random));
    } else {
      out[field.name] = randomValue(field, random);
    }
  }
  return out;
}

function mapKey(type: string, random: Random): string {
  if (type === "string") return random.text();
  return String(scalarValue(type, random));
}

function randomValue(field: protobuf.Field, random: Random): unknown {
  const { resolvedType: type } = field;
  if (type instanceof protobuf.Type) return randomMessage(type, random);
  if (type instanceof protobuf.Enum) {
    const known = Object.values(type.values);
    // Closed enums drop what they do not know; that is not what we do.
    return random.pick(isOpen(type) ? [...known, 12345, -7] : known);
  }
  return scalarValue(field.type, random);
}

function isOpen(type: protobuf.Enum): boolean {
  return (type as unknown as { _features: { enum_type: string } })._features.enum_type === "OPEN";
}

function scalarValue(type: string, random: Random): unknown {
  switch (type) {
    case "double":
      return random.pick([0, -0, NaN, -Infinity, random.next(), 1e300 * random.next()]);
    case "float":
      return Math.fround(random.pick([0, -0, NaN, Infinity, random.next(), 1e30 * random.next()]));
    case "bool":
      return random.once(2);
    case "string":
      return random.text();
    case "bytes":
      return random.bytes(random.below(40));
    case "int32":
    case "sint32":
    case "sfixed32":
      return Number(BigInt.asIntN(32, random.long()));
    case "uint32":
    case "fixed32":
      return Number(BigInt.asUintN(32, random.long()));
    case "uint64":
    case "fixed64":
      return String(BigInt.asUintN(64, random.long()));
    default:
      return String(random.long());
  }
}

/** Bytes of a value of the type. */
export function encode(type: protobuf.Type, value: Record<string, unknown>): Uint8Array {
  return Uint8Array.from(type.encode(type.fromObject(value)).finish());
}

/** The row that protobufjs reads from a payload. */
export function oracleRow(type: protobuf.Type, payload: Uint8Array): { [name: string]: Plain } {
  return messageRow(type, type.decode(payload) as unknown as Record<string, unknown>);
}

function messageRow(type: protobuf.Type, message: Record<string, unknown>): { [name: string]: Plain } {
  return Object.fromEntries(type.fieldsArray.map((field) => [field.name, fieldPlain(field, message)]));
}

function fieldPlain(field: protobuf.Field, message: Record<string, unknown>): Plain {
  const value = Object.hasOwn(message, field.name) ? message[field.name] : undefined;
  if (field instanceof protobuf.MapField) {
    const entries = Object.entries(value ?? {}).map((
      [key, inner],
    ): Plain => [keyPlain(field, key), plainOf(field, inner)]);
    return sortedMap(entries);
  }
  if (field.repeated) return ((value ?? []) as unknown[]).map((item) => plainOf(field, item));
  if (value === undefined || value === null) {
    const isPresent = field.hasPresence || field.resolvedType instanceof protobuf.Type;
    return isPresent ? null : plainOf(field, field.typeDefault);
  }
  return plainOf(field, value);
}

/** Entries in an order that does not depend on the reader. */
export function sortedMap(entries: Plain[]): Plain[] {
  return entries.toSorted((a, b) => String((a as Plain[])[0]) < String((b as Plain[])[0]) ? -1 : 1);
}

function keyPlain({ keyType }: protobuf.MapField, key: string): Plain {
  if (keyType === "string") return key;
  if (keyType === "bool") return key === "true";
  const isUnsigned = keyType.startsWith("u") || keyType.startsWith("f");
  if (keyType.endsWith("64")) return BigInt(String(protobuf.util.longFromHash(key, isUnsigned)));
  return isUnsigned ? BigInt(key) : Number(key);
}

function plainOf({ type, resolvedType }: protobuf.Field, value: unknown): Plain {
  if (resolvedType instanceof protobuf.Enum) return resolvedType.valuesById[value as number] ?? String(value);
  if (resolvedType instanceof protobuf.Type) return messagePlain(resolvedType, value as Record<string, unknown>);
  if (type === "bytes") return Uint8Array.from(value as Uint8Array).toHex();
  if (type.endsWith("64") || type === "uint32" || type === "fixed32") return BigInt(String(value));
  return value as Plain;
}

function messagePlain(type: protobuf.Type, message: Record<string, unknown>): Plain {
  const [, name] = /^\.google\.protobuf\.(\w+)$/.exec(type.fullName) ?? [];
  if (name === "Timestamp" || name === "Duration") {
    return BigInt(String(message.seconds)) * 1_000_000n + BigInt(Math.trunc(message.nanos as number / 1000));
  }
  if (name?.endsWith("Value")) return fieldPlain(type.fields.value, message);
  return type.fieldsArray.length === 0 ? true : messageRow(type, message);
}
