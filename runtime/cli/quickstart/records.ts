/**
 * The quickstart's records: orders in Avro, clicks in JSON (payments are in `payments.ts`), and among them some that must
 * be rejected, each for another reason. The same on every machine.
 *
 * @module
 */
import type { ProducerRecord } from "../../kafka/types.ts";

/** The schema of `clicks`: what JSON records are held against. */
export const CLICK_SCHEMA = {
  type: "struct",
  fields: [
    { name: "id", type: "long", nullable: true, metadata: {} },
    { name: "user", type: "string", nullable: true, metadata: {} },
    { name: "page", type: "string", nullable: true, metadata: {} },
    { name: "duration_ms", type: "long", nullable: true, metadata: {} },
    { name: "scroll", type: "double", nullable: true, metadata: {} },
    { name: "mobile", type: "boolean", nullable: true, metadata: {} },
  ],
};

/** The schema of `orders`, registered as `orders-value`. */
export const ORDER_SCHEMA = {
  type: "record",
  name: "Order",
  namespace: "shop",
  fields: [
    { name: "id", type: "long" },
    { name: "customer", type: "string" },
    { name: "amount", type: { type: "bytes", logicalType: "decimal", precision: 10, scale: 2 } },
    { name: "currency", type: { type: "enum", name: "Currency", symbols: ["EUR", "USD", "GBP"] } },
    { name: "ts", type: { type: "long", logicalType: "timestamp-millis" } },
    {
      name: "items",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "Item",
          fields: [{ name: "sku", type: "string" }, { name: "quantity", type: "int" }],
        },
      },
    },
    { name: "note", type: ["null", "string"], default: null },
  ],
};

/** How many good records each topic gets. */
const GOOD_RECORDS = { orders: 10_000, clicks: 20_000 } as const;

/** The time in the first record. */
export const START_MS = Date.UTC(2026, 0, 1);
/** Text to UTF-8. */
export const TEXT = new TextEncoder();

/** Orders, framed with the schema's id in the registry. */
export function orderRecords(schemaId: number, nowMs: number): ProducerRecord[] {
  const records: ProducerRecord[] = [];
  for (let id = 1; id <= GOOD_RECORDS.orders; id++) {
    records.push(record("orders", id, nowMs, framed(schemaId, order(id, 100 + (id * 37) % 90_000))));
  }
  const bad: (Uint8Array | null)[] = [
    ...repeat(3, () => TEXT.encode("not framed with a schema id")),
    ...repeat(2, () => framed(999_999, order(0, 100))),
    ...repeat(3, () => framed(schemaId, order(0, 100).subarray(0, 9))),
    ...repeat(4, () => framed(schemaId, order(0, -500))),
    null,
  ];
  return spread(records, bad.map((value, i) => record("orders", -1 - i, nowMs, value)));
}

/** Clicks, plain JSON. */
export function clickRecords(nowMs: number): ProducerRecord[] {
  const records: ProducerRecord[] = [];
  const pages = ["/", "/search", "/cart", "/checkout", "/help"];
  for (let id = 1; id <= GOOD_RECORDS.clicks; id++) {
    const click = {
      id,
      user: `user-${(id * 7) % 500}`,
      page: pages[id % pages.length],
      duration_ms: (id * 13) % 5000,
      scroll: ((id * 17) % 1000) / 1000,
      mobile: id % 3 === 0,
    };
    records.push(record("clicks", id, nowMs, TEXT.encode(JSON.stringify(click))));
  }
  const bad = [
    ...repeat(4, () => '{"id": 1, "user": "user-1", "page": '),
    ...repeat(
      3,
      () => '{"id": 2, "user": "user-2", "page": "/", "duration_ms": "soon", "scroll": 0.5, "mobile": false}',
    ),
    ...repeat(2, () => '{"id": 3, "page": "/", "duration_ms": 5, "scroll": 0.5, "mobile": false}'),
  ];
  return spread(records, bad.map((value, i) => record("clicks", -1 - i, nowMs, TEXT.encode(value))));
}

/** Kafka's timestamp is now: what is older than the topic's retention would be deleted. */
export function record(topic: string, id: number, nowMs: number, value: Uint8Array | null): ProducerRecord {
  return { topic, key: TEXT.encode(String(id)), value, headers: [], timestampMs: nowMs };
}

/** The bad ones evenly among the good ones. */
export function spread(good: ProducerRecord[], bad: readonly ProducerRecord[]): ProducerRecord[] {
  const step = Math.floor(good.length / (bad.length + 1));
  bad.forEach((each, i) => good.splice((i + 1) * step + i, 0, each));
  return good;
}

/** As many as told. */
export function repeat<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

/** Magic byte 0, the schema's id in 4 bytes, the payload. */
export function framed(schemaId: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(5 + payload.length);
  new DataView(frame.buffer).setInt32(1, schemaId);
  frame.set(payload, 5);
  return frame;
}

/** An order in Avro's binary encoding, field by field as ORDER_SCHEMA says. */
function order(id: number, cents: number): Uint8Array {
  const bytes: number[] = [];
  const long = (value: number) => {
    for (let rest = value >= 0 ? value * 2 : -value * 2 - 1;; rest = Math.floor(rest / 128)) {
      bytes.push(rest < 128 ? rest : (rest % 128) | 128);
      if (rest < 128) return;
    }
  };
  const string = (text: string) => {
    const encoded = TEXT.encode(text);
    long(encoded.length);
    bytes.push(...encoded);
  };
  long(id);
  string(`customer-${(id * 31) % 1000}`);
  long(4);
  bytes.push((cents >> 24) & 255, (cents >> 16) & 255, (cents >> 8) & 255, cents & 255);
  long(id % 3);
  long(START_MS + id * 20_000);
  long(1 + id % 2);
  for (let item = 0; item <= id % 2; item++) {
    string(`sku-${(id * 11 + item) % 300}`);
    long(1 + id % 4);
  }
  long(0); // the array ends
  long(id % 10 === 0 ? 1 : 0); // the branch of the union
  if (id % 10 === 0) string("gift");
  return new Uint8Array(bytes);
}
