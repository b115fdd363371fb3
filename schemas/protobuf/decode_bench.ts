import protobuf from "protobufjs";
import { Decoder } from "./decoder.ts";
import { parseProto } from "./proto.ts";
import { Random } from "./test_support.ts";

const FLAT = `syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Event {
  int64 id = 1; string name = 2; google.protobuf.Timestamp ts = 3; double amount = 4;
  string city = 5; string device = 6; bool active = 7; double score = 8;
}`;
const NESTED = `syntax = "proto3";
message Order {
  int64 id = 1; optional string note = 2; Address address = 3; repeated Line lines = 4; map<string, string> labels = 5;
  oneof paid { string card = 6; int64 voucher = 7; }
  message Address { string street = 1; string city = 2; uint32 zip = 3; }
  message Line { uint64 sku = 1; int32 count = 2; repeated sint32 sizes = 3; }
}`;
const COUNT = 10_000;
const random = new Random(1);

const flat = (i: number) => ({
  id: i * 1_000_003,
  name: `customer-${i}-of-many`,
  ts: { seconds: 1_767_225_600 + i, nanos: 123_456_000 },
  amount: random.next() * 1000,
  city: random.pick(["Wien", "Berlin", "São Paulo"]),
  device: `device-0123456789abcdef-${i % 100}-of-a-hundred`,
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
});

function bench(name: string, text: string, value: (i: number) => Record<string, unknown>): void {
  const root = new protobuf.Root();
  for (const file of protobuf.parse(text, root, { keepCase: true }).imports ?? []) {
    root.addJSON(protobuf.common.get(file)!.nested!);
  }
  const schema = parseProto(text);
  const message = schema.messageAt([0]);
  const type = root.resolveAll() && root.lookupType(message.name);
  const payloads = Array.from({ length: COUNT }, (_, i) => type.encode(type.fromObject(value(i))).finish());
  const slab = new Uint8Array(payloads.reduce((sum, payload) => sum + payload.length, 0));
  const ends = new Int32Array(COUNT);
  payloads.reduce((at, payload, i) => (slab.set(payload, at), ends[i] = at + payload.length), 0);
  const decoder = new Decoder(message, schema);

  Deno.bench(`Decoder, 10,000 records ${name}`, () => {
    for (let i = 0, at = 0; i < COUNT; at = ends[i++]) {
      if (decoder.append(slab, at, ends[i]) !== null) throw new Error("a record was rejected");
    }
    decoder.rows.finish();
  });
}

bench("of 8 flat fields", FLAT, flat);
bench("with lists, maps and messages", NESTED, nested);
