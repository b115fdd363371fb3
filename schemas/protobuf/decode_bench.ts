/**
 * Payloads of many kinds by the reference, by code, and by the converter: `deno run -A schemas/protobuf/decode_bench.ts
 * [PART]` prints records a second of the kinds whose names hold PART.
 *
 * @module
 */
import protobuf from "protobufjs";
import { benchRuns } from "../runs_bench_test_support.ts";
import { Decoder } from "./decoder.ts";
import { parseProto } from "./proto.ts";
import { Random } from "./test_support.ts";

const random = new Random(1);
const long = "leave it with the neighbours, or in the shed behind the house, please; ".repeat(8);

const EIGHT = `import "google/protobuf/timestamp.proto";
message Event {
  int64 id = 1; string name = 2; google.protobuf.Timestamp ts = 3; double amount = 4;
  string city = 5; string device = 6; bool active = 7; double score = 8;
}`;
const NESTED = `message Order {
  int64 id = 1; optional string note = 2; Address address = 3; repeated Line lines = 4; map<string, string> labels = 5;
  oneof paid { string card = 6; int64 voucher = 7; } Kind kind = 8;
  message Address { string street = 1; string city = 2; uint32 zip = 3; }
  message Line { uint64 sku = 1; int32 count = 2; repeated sint32 sizes = 3; }
  enum Kind { NONE = 0; GIFT = 1; }
}`;
const eight = (i: number) => ({
  id: i * 1_000_003,
  name: `customer-${i}-of-many-customers`,
  ts: { seconds: 1_767_225_600 + i, nanos: 123_456_000 },
  amount: random.next() * 1000,
  city: random.pick(["Wien", "Berlin", "São Paulo"]),
  device: `device-${i % 100}`,
  active: i % 2 === 0,
  score: random.next(),
});
const nested = (i: number) => ({
  id: i,
  ...(i % 3 ? { note: "leave it at the door" } : {}),
  address: { street: `${i} Main Street`, city: "Berlin", zip: 10_000 + i },
  lines: [1, 2, 3].map((n) => ({ sku: i * n, count: n, sizes: [n, -n] })),
  labels: { source: "web", campaign: `c${i % 10}` },
  ...(i % 2 ? { card: "visa" } : { voucher: i }),
  kind: i % 2,
});
const columns = (count: number, label: string) => {
  const types = ["int64", "string", "double", "bool", "string"];
  return `message Wide {${
    Array.from({ length: count }, (_, i) => `${label} ${types[i % 5]} f${i} = ${i + 1};`).join(" ")
  }}`;
};
const column = (i: number, at: number): unknown =>
  [() => at * i, () => `value ${at % 1000}`, () => random.next(), () => random.next() < 0.5, () => "x"][i % 5]();
const values = (count: number, at: number, set: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`f${i}`, column(i, at)] as const).filter(() => random.next() < set),
  );

const KINDS: Readonly<Record<string, readonly [string, (i: number) => Record<string, unknown>]>> = {
  "8 fields": [EIGHT, eight],
  "50 columns": [columns(50, ""), (i) => values(50, i, 1)],
  "300 columns": [columns(300, ""), (i) => values(300, i, 1)],
  "20 columns, nulls": [columns(20, "optional"), (i) => values(20, i, 0.4)],
  "nested": [NESTED, nested],
  "long strings": [
    "message Text { int64 id = 1; string text = 2; string umlauts = 3; }",
    (i) => ({ id: i, text: long, umlauts: long.replaceAll("e", "ë") }),
  ],
};

for (const [name, [body, value]] of Object.entries(KINDS)) {
  if (!name.includes(Deno.args[0] ?? "")) continue;
  const text = `syntax = "proto3"; ${body}`;
  const root = new protobuf.Root();
  for (const file of protobuf.parse(text, root, { keepCase: true }).imports ?? []) {
    root.addJSON(protobuf.common.get(file)!.nested!);
  }
  root.resolveAll();
  const schema = parseProto(text);
  const message = schema.messageAt([0]);
  const type = root.lookupType(message.name);
  await benchRuns({
    name,
    format: { schemaType: "PROTOBUF", hasMessageIndexes: true },
    decoder: () => new Decoder(message, schema),
    payload: (i) => type.encode(type.fromObject(value(i))).finish(),
  });
}
