/**
 * Random schemas and topics of JSON records that mostly look like each other, with everything odd now and then.
 *
 * @module
 */
import { type DataType, type Field, Schema, Type } from "apache-arrow";
import { types } from "../../mod.ts";

const { field } = types;
const TEXT = new TextEncoder();

/** A small deterministic generator (mulberry32). */
export class Chance {
  constructor(private seed: number) {}

  /** From 0 up to, not including, 1. */
  next(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  is(share: number): boolean {
    return this.next() < share;
  }
  of<T>(all: readonly T[]): T {
    return all[this.below(all.length)];
  }
  shuffled<T>(all: readonly T[]): T[] {
    const out = [...all];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }
  digits(size: number): string {
    return Array.from({ length: size }, () => this.below(10)).join("");
  }
}

/** A topic: its schema, and a source of records. */
export interface Topic {
  readonly schema: Schema;
  records(): string;
}

/** Spaces behind braces, commas and colons, before closing braces, and behind records. */
const STYLES = [
  ["", "", "", "", ""],
  ["", " ", " ", "", ""],
  ["\n  ", "\n  ", " ", "\n", "\n"],
  [" ", " ", "", " ", ""],
] as const;

const NAMES = [
  "id",
  "name",
  "a",
  "b}",
  'q"',
  "b\\",
  "ü",
  "very_long_name_of_a_column",
  "ts",
  "x1",
  "x2",
  "x3",
  "\u0001",
];

/** A random topic. */
export function topicOf(chance: Chance): Topic {
  const type = structOf(chance, 3);
  const style = chance.of(STYLES);
  // Orders of members, for structs by what they are.
  const variants = Array.from({ length: 1 + chance.below(3) }, () => new Map<DataType, readonly Field[]>());
  const missing = chance.of([0, 0, 0.1, 0.5]);
  const odd = chance.of([0, 0.01, 0.05, 0.05]);
  // A member that the schema does not have, in every record.
  const others = chance.is(0.2) ? `"other":${style[2]}7` : null;
  const writer = new Writer(chance, style, missing, odd, others);
  return {
    schema: new Schema(type.children as Field[]),
    records: () => writer.record(type, chance.of(variants)),
  };
}

/** The bytes with some of them changed, left out or put in. */
export function mutated(text: string, chance: Chance): Uint8Array {
  const bytes = [...TEXT.encode(chance.is(0.3) ? mispunctuated(text, chance) : text)];
  for (let times = 1 + chance.below(3); times > 0; times--) {
    const at = chance.below(bytes.length + 1);
    switch (chance.below(5)) {
      case 0:
        bytes[Math.min(at, bytes.length - 1)] ^= 1 << chance.below(8);
        break;
      case 1:
        bytes.splice(at, 1 + chance.below(3));
        break;
      case 2:
        bytes.splice(
          at,
          0,
          ...TEXT.encode(chance.of(['"', "{", "}", ",", ":", "0", "-", ".5", "e9", " ", "\\", "é", "null"])),
        );
        break;
      case 3:
        bytes.splice(at);
        break;
      default:
        bytes.splice(at, 0, chance.below(256));
    }
    if (bytes.length === 0) break;
  }
  return Uint8Array.from(bytes);
}

/** A comma too many or too few. */
function mispunctuated(text: string, chance: Chance): string {
  const [wrong, by] = chance.of(
    [[/\s*\}/g, ",}"], [/,\s*/g, ""], [/\},\s*/g, "}"], [/\}\s*\}/g, ",}"], [/\{\s*/g, "{,"], [/,/g, ",,"]] as const,
  );
  const places = [...text.matchAll(wrong)];
  if (places.length === 0) return text;
  const { 0: found, index } = chance.of(places);
  return text.slice(0, index) + by + text.slice(index + found.length);
}

function structOf(chance: Chance, depth: number): DataType {
  const lower = new Set<string>();
  const names = chance.shuffled(NAMES).slice(0, 1 + chance.below(depth === 3 ? 10 : 4)).filter((name) =>
    !lower.has(name.toLowerCase()) && lower.add(name.toLowerCase())
  );
  return types.struct(names.map((name) => field(name, typeOf(chance, depth - 1), chance.is(0.9))));
}

function typeOf(chance: Chance, depth: number): DataType {
  if (depth > 0 && chance.is(0.3)) {
    switch (chance.below(4)) {
      case 0:
        return types.list(typeOf(chance, depth - 1));
      case 1:
        return types.map(types.utf8(), typeOf(chance, depth - 1));
      default:
        return structOf(chance, depth);
    }
  }
  const scalars = [types.utf8, types.utf8, types.int64, types.int64, types.float64, types.float64, types.boolean];
  const rare = [types.int32, types.int16, types.int8, types.float32, types.binary, types.date, types.timestamp];
  if (chance.is(0.05)) return types.decimal(12, 2);
  return chance.is(0.75) ? chance.of(scalars)() : chance.of(rare)();
}

class Writer {
  constructor(
    private readonly chance: Chance,
    private readonly style: typeof STYLES[number],
    private readonly missing: number,
    private readonly odd: number,
    private readonly others: string | null,
  ) {}

  record(type: DataType, orders: Map<DataType, readonly Field[]>): string {
    return this.#object(type, orders, this.others) + this.style[4];
  }

  #object(type: DataType, orders: Map<DataType, readonly Field[]>, others: string | null = null): string {
    const { chance, style: [open, comma, colon, close] } = this;
    let order = orders.get(type);
    if (!order) {
      orders.set(type, order = chance.is(0.5) ? type.children as Field[] : chance.shuffled(type.children as Field[]));
    }
    if (chance.is(this.odd)) order = chance.shuffled(order);
    const parts = order.filter((each) => !chance.is(each.nullable ? this.missing : 0.001)).map((each) =>
      `${this.#name(each.name)}:${colon}${this.#value(each, orders)}`
    );
    if (others !== null) parts.splice(1, 0, others);
    if (chance.is(this.odd)) {
      const extra = chance.is(0.5) ? '"unknown":[{"a":1}]' : parts.length > 0 ? chance.of(parts) : '"new":null';
      parts.splice(chance.below(parts.length + 1), 0, extra);
    }
    return parts.length === 0 ? "{}" : `{${open}${parts.join(`,${comma}`)}${close}}`;
  }

  #name(name: string): string {
    const text = JSON.stringify(name);
    if (!this.chance.is(this.odd)) return text;
    return `"\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${text.slice(2)}`;
  }

  #value({ type, nullable }: Field, orders: Map<DataType, readonly Field[]>): string {
    const { chance } = this;
    if (chance.is(nullable ? 0.08 : 0.001)) return "null";
    if (chance.is(this.odd)) {
      const odd = [
        '"x"',
        "1",
        "-0",
        "1.0",
        "1e3",
        "1e400",
        "99999999999999999999",
        "{}",
        "[]",
        "true",
        '""',
        "01",
        "-200",
        "-40000",
        "-3e9",
        "-2147483649",
        "123456789012345",
        "12345678901234.5",
        "0.123456789",
        '"2024-01-31T12:00:00.1234567Z"',
        '"2024-01-31T12:00:00"',
        '"2024-02-30"',
        "1.",
        " 7 ",
        '"\\u00e9"',
        '"\t"',
        "tru",
        "-",
      ];
      return chance.of(odd);
    }
    const children = (type.children ?? []) as Field[];
    switch (type.typeId) {
      case Type.Struct:
        return this.#object(type, orders);
      case Type.List:
        return `[${Array.from({ length: chance.below(4) }, () => this.#value(children[0], orders)).join(",")}]`;
      case Type.Map: {
        const value = (children[0].type.children as Field[])[1];
        const members = Array.from({ length: chance.below(chance.is(0.02) ? 50 : 4) }, (_, i) => {
          const key = chance.is(0.02) ? "k0" : chance.is(0.02) ? `k\\u00e9${i}` : `k${i}`;
          return `"${key}":${this.#value(value, orders)}`;
        });
        return `{${members.join(",")}}`;
      }
      default:
        return this.#scalar(type);
    }
  }

  #scalar(type: DataType): string {
    const { chance } = this;
    switch (type.typeId) {
      case Type.Bool:
        return `${chance.is(0.5)}`;
      case Type.Int: {
        const { bitWidth } = type as unknown as { bitWidth: number };
        const size = bitWidth === 8 ? 2 : bitWidth === 16 ? 4 : bitWidth === 32 ? 9 : chance.of([2, 13, 18, 19]);
        return `${chance.is(0.2) ? "-" : ""}${BigInt(chance.digits(1 + chance.below(size)))}`;
      }
      case Type.Float:
        return number(chance);
      case Type.Decimal:
        return `${chance.below(chance.is(0.03) ? 1e13 : 1e4)}.${chance.digits(chance.below(2) + 1)}`;
      case Type.Binary:
        return `"${btoa(chance.digits(chance.below(6)))}"`;
      case Type.Date:
        return `"2024-0${1 + chance.below(9)}-1${chance.below(9)}"`;
      case Type.Timestamp:
        return `"2024-01-31T12:00:${10 + chance.below(49)}.${chance.digits(chance.is(0.03) ? 8 : 3)}Z"`;
      default:
        return word(chance);
    }
  }
}

function number(chance: Chance): string {
  const sign = chance.is(0.2) ? "-" : "";
  switch (chance.below(5)) {
    case 0:
      return JSON.stringify(chance.next());
    case 1:
      return `${sign}${chance.below(100_000)}.${chance.digits(1 + chance.below(3))}`;
    case 2:
      return `${sign}${chance.below(1_000)}`;
    case 3:
      return `${sign}${1 + chance.below(9)}.${chance.digits(1 + chance.below(20))}e${chance.below(80) - 40}`;
    default:
      return `${sign}0.${chance.digits(1 + chance.below(25))}`;
  }
}

function word(chance: Chance): string {
  const size = chance.below(chance.is(0.1) ? 100 : 12);
  const letters = chance.is(0.1) ? ["ü", "🚀", "a", "\\n", "€"] : ["a", "b", "c", "}", ":", "0"];
  return `"${Array.from({ length: size }, () => chance.of(letters)).join("")}"`;
}
