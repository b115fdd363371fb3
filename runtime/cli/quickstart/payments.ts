/**
 * The quickstart's payments, in Protobuf.
 *
 * @module
 */
import type { ProducerRecord } from "../../kafka/types.ts";
import { framed, record, repeat, spread, START_MS, TEXT } from "./records.ts";

/** The schema of `payments`, registered as `payments-value`. */
export const PAYMENT_PROTO = `syntax = "proto3";
package shop;

import "google/protobuf/timestamp.proto";

message Payment {
  int64 id = 1;
  int64 order_id = 2;
  int64 cents = 3;
  Method method = 4;
  google.protobuf.Timestamp paid_at = 5;
  oneof source {
    Card card = 6;
    string iban = 7;
  }
  map<string, string> labels = 8;

  message Card {
    string brand = 1;
    uint32 last4 = 2;
  }

  enum Method {
    UNKNOWN = 0;
    CARD = 1;
    TRANSFER = 2;
  }
}
`;

const GOOD = 5_000;

/** Payments, framed with the schema's id and the message's index, and among them some that must be rejected. */
export function paymentRecords(schemaId: number, nowMs: number): ProducerRecord[] {
  const good = Array.from({ length: GOOD }, (_, i) => {
    const id = i + 1;
    return record("payments", id, nowMs, framed(schemaId, payment(id, 100 + (id * 53) % 90_000)));
  });
  const bad = [
    ...repeat(3, () => framed(schemaId, payment(1, 100).subarray(0, 14))),
    ...repeat(2, () => TEXT.encode('{"id": 1, "order_id": 1, "cents": 100}')),
    ...repeat(2, () => framed(schemaId, payment(2, -100))),
  ];
  return spread(good, bad.map((value, i) => record("payments", -1 - i, nowMs, value)));
}

/** A payment in Protobuf's binary encoding, after the index of its message: 0, the first one of the file. */
function payment(id: number, cents: number): Uint8Array {
  const isCard = id % 3 !== 0;
  const seconds = Math.floor(START_MS / 1000) + id * 20;
  return Uint8Array.from([
    0,
    ...integer(1, id),
    ...integer(2, id * 2),
    ...integer(3, cents),
    ...integer(4, isCard ? 1 : 2),
    ...bytes(5, integer(1, seconds)),
    ...isCard
      ? bytes(6, [...text(1, id % 2 === 0 ? "visa" : "amex"), ...integer(2, (id * 7919) % 10_000)])
      : text(7, `DE${String(id).padStart(20, "0")}`),
    ...bytes(8, [...text(1, "shop"), ...text(2, `shop-${id % 12}`)]),
  ]);
}

/** A field of a varint; negative ones take ten bytes. */
function integer(field: number, value: number): number[] {
  return [field << 3, ...varint(BigInt.asUintN(64, BigInt(value)))];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...TEXT.encode(value)]);
}

function bytes(field: number, value: readonly number[]): number[] {
  return [(field << 3) | 2, ...varint(BigInt(value.length)), ...value];
}

function varint(value: bigint): number[] {
  const out: number[] = [];
  for (let rest = value;; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 0x80n) return [...out, low];
    out.push(low | 0x80);
  }
}
