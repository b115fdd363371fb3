/**
 * The records that the benchmark produces, by the name of their shape: fields, and the values of the record with a
 * number. The same number gives the same values every time and in every format. All have `id`, the record's number.
 *
 * `flat8` is the yardstick: eight fields, 178 bytes as JSON. The others are there so that nothing is tuned to it alone.
 *
 * @module
 */

/** What a field holds. */
export type FieldType = "long" | "double" | "string" | "boolean" | { readonly record: readonly Field[] } | {
  readonly array: FieldType;
};

/** A field; `nullable` ones may be null. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly nullable?: boolean;
}

/** A field's value. */
export type Value = number | string | boolean | null | readonly Value[] | RecordValue;

/** A record's values by field, in the order of the fields. */
export interface RecordValue {
  readonly [field: string]: Value;
}

/** A shape of records. */
export interface RecordShape {
  readonly fields: readonly Field[];
  /** The record with this number. */
  record(id: number): RecordValue;
  /** The same as JSON text, where that can be had sooner. */
  json?(id: number): string;
  /** How many are produced where nobody says. */
  readonly recordsDefault: number;
}

const CITIES = ["Berlin", "Lisbon", "Nairobi", "Osaka", "Quito", "Tromso", "Zagreb"];
const DEVICES = ["ios", "android", "web"];
const WORDS = "the order of a shipment was held at the Zürich depot until März since its papers named another consignee"
  .split(" ");
const FIRST_MS = 1_760_000_000_000;
const MILLION = 1_000_000;
const KiB = 1024;
/** Bytes of a flat8 record as JSON. */
const FLAT8_BYTES = 178;

/** A number in [0, 1) for a record and a column: always the same, spread evenly. */
export function mixed(id: number, column = 0): number {
  let h = Math.imul(id ^ Math.imul(column + 1, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** All shapes by name. */
export const SHAPES: Readonly<Record<string, RecordShape>> = {
  flat8: {
    fields: fields("id:long name:string ts:long amount:double city:string device:string active:boolean score:double"),
    record: flat8,
    json: (id) => {
      const { name, before, after } = flat8Text(id);
      return before + name + after;
    },
    recordsDefault: MILLION,
  },
  nested: {
    fields: [
      ...fields("id:long ts:long note:string"),
      {
        name: "customer",
        type: {
          record: [...fields("no:long name:string"), {
            name: "address",
            type: { record: fields("city:string zip:string") },
          }],
        },
      },
      { name: "lines", type: { array: { record: fields("sku:string quantity:long price:double") } } },
      { name: "tags", type: { array: "string" } },
    ],
    record: nested,
    recordsDefault: MILLION,
  },
  wide50: wide(50, MILLION / 2),
  wide300: wide(300, MILLION / 10),
  "long-strings": {
    fields: fields("id:long ts:long title:string body:string"),
    record: (id) => ({ id, ts: FIRST_MS + id, title: text(id, 0, 60), body: text(id, 1, 3000) }),
    recordsDefault: MILLION / 5,
  },
  nulls: {
    fields: [
      ...fields("id:long ts:long"),
      ...Array.from({ length: 20 }, (_, i): Field => ({ ...fieldOf(i), nullable: true })),
    ],
    record: (id) => {
      const value: Record<string, Value> = { id, ts: FIRST_MS + id };
      for (let i = 0; i < 20; i++) value[fieldOf(i).name] = mixed(id, 100 + i) < 0.9 ? null : valueOf(i, id);
      return value;
    },
    recordsDefault: MILLION,
  },
  "low-cardinality": {
    fields: [
      ...fields("id:long ts:long"),
      ...fields("country:string device:string status:string plan:string step:long level:long ok:boolean ratio:double"),
    ],
    record: (id) => ({
      id,
      ts: FIRST_MS + Math.floor(id / 1000),
      country: pick(CITIES, id, 1),
      device: pick(DEVICES, id, 2),
      status: pick(["accepted", "refused", "pending"], id, 3),
      plan: pick(["free", "team"], id, 4),
      step: Math.floor(mixed(id, 5) * 8),
      level: 3,
      ok: mixed(id, 6) < 0.99,
      ratio: Math.floor(mixed(id, 7) * 4) / 4,
    }),
    recordsDefault: MILLION,
  },
  "high-cardinality": {
    fields: fields("id:long ts:long session:string trace:string agent:string hash:long x:double y:double"),
    record: (id) => ({
      id,
      ts: FIRST_MS + Math.floor(mixed(id, 9) * 1e9),
      session: hex(id, 10, 32),
      trace: hex(id, 20, 32),
      agent: `agent/${hex(id, 30, 16)}`,
      hash: Math.floor(mixed(id, 40) * Number.MAX_SAFE_INTEGER),
      x: mixed(id, 41) + mixed(id, 42) / 4294967296,
      y: (mixed(id, 43) + mixed(id, 44) / 4294967296) * 1e6,
    }),
    recordsDefault: MILLION,
  },
  "records-1mib": {
    fields: fields("id:long payload:string"),
    record: (id) => ({ id, payload: text(id, 0, KiB * KiB - 40) }),
    recordsDefault: 1000,
  },
};

/** The shape of this name; throws with all names where there is none. */
export function shapeOf(name: string): RecordShape {
  if (Object.hasOwn(SHAPES, name)) return SHAPES[name];
  throw new Error(`There is no --schema ${name}: choose from ${Object.keys(SHAPES).join(", ")}`);
}

/** "name:type name:type". */
function fields(text: string): Field[] {
  return text.split(" ").map((each) => {
    const [name, type] = each.split(":");
    return { name, type: type as "long" | "double" | "string" | "boolean" };
  });
}

function flat8(id: number): RecordValue {
  const { amount, score, city, device, active, ts } = flat8Values(id);
  return { id, name: flat8Text(id).name, ts, amount, city, device, active, score };
}

function flat8Values(id: number) {
  // A cheap hash spreads the values; the score has 17 digits, as measured doubles do.
  const part = (Math.imul(id, 2654435761) >>> 0) / 4294967296;
  return {
    amount: Math.round(part * 100_000) / 100,
    score: part + 1e-7,
    ts: FIRST_MS + id,
    city: CITIES[id % CITIES.length],
    device: DEVICES[id % DEVICES.length],
    active: id % 3 === 0,
  };
}

/** The name is as long as the record needs to be. */
function flat8Text(id: number) {
  const { amount, score, city, device, active, ts } = flat8Values(id);
  const before = `{"id":${id},"name":"`;
  const after = `","ts":${ts},"amount":${amount},"city":"${city}","device":"${device}","active":${active},` +
    `"score":${score}}`;
  const missing = FLAT8_BYTES - before.length - after.length;
  return { before, after, name: `user-${id}`.padEnd(missing, "x").slice(0, missing) };
}

function nested(id: number): RecordValue {
  const lines = Array.from({ length: 1 + id % 4 }, (_, i) => ({
    sku: `sku-${Math.floor(mixed(id, i) * 5000)}`,
    quantity: 1 + Math.floor(mixed(id, 10 + i) * 9),
    price: Math.round(mixed(id, 20 + i) * 10_000) / 100 + 1e-7,
  }));
  return {
    id,
    ts: FIRST_MS + id,
    note: text(id, 30, 20),
    customer: {
      no: Math.floor(mixed(id, 31) * 100_000),
      name: `customer-${id % 1000}`,
      address: { city: pick(CITIES, id, 32), zip: String(10_000 + Math.floor(mixed(id, 33) * 90_000)) },
    },
    lines,
    tags: WORDS.slice(id % 5, id % 5 + id % 3),
  };
}

function wide(columns: number, recordsDefault: number): RecordShape {
  const own = Array.from({ length: columns - 1 }, (_, i) => fieldOf(i));
  return {
    fields: [...fields("id:long"), ...own],
    record: (id) => {
      const value: Record<string, Value> = { id };
      for (let i = 0; i < own.length; i++) value[own[i].name] = valueOf(i, id);
      return value;
    },
    recordsDefault,
  };
}

/** The `i`th of many columns, of every type in turn. */
function fieldOf(i: number): Field {
  const type = (["string", "long", "double", "string", "boolean"] as const)[i % 5];
  return { name: `${type}_${i}`, type };
}

function valueOf(i: number, id: number): Value {
  switch (i % 5) {
    case 0:
      return pick(CITIES, id, i);
    case 1:
      return Math.floor(mixed(id, i) * 100_000);
    case 2:
      return Math.round(mixed(id, i) * 100_000) / 100;
    case 3:
      return `v-${Math.floor(mixed(id, i) * 10_000)}`;
    default:
      return mixed(id, i) < 0.5;
  }
}

function pick(of: readonly string[], id: number, column: number): string {
  return of[Math.floor(mixed(id, column) * of.length)];
}

/** Words of a sentence in an order of their own, `length` characters. */
function text(id: number, column: number, length: number): string {
  let out = "";
  // Longer texts repeat a paragraph of their own: one that is random to the end takes longer to make than to read.
  for (let i = 0; out.length < Math.min(length, 2000); i++) out += pick(WORDS, id, column + 31 * i) + " ";
  return out.repeat(Math.ceil(length / out.length)).slice(0, length);
}

function hex(id: number, column: number, digits: number): string {
  let out = "";
  for (let i = 0; out.length < digits; i++) {
    out += Math.floor(mixed(id, column + i) * 4294967296).toString(16).padStart(8, "0");
  }
  return out.slice(0, digits);
}
