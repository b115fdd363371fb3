import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FatalError } from "../api/errors.ts";
import { rawHeaders, rawKey, rawOffset, type RawRecords, rawValue } from "../api/raw_records.ts";
import { concat, controlBatch, encodeBatch, type FixtureBatch } from "./batch_fixture.ts";
import { type DecodeOptions, decodeRecordSet, type RecordSet, scanRecordSet } from "./record_batch.ts";
import { SlabPool } from "./slab_pool.ts";

const OPTIONS: DecodeOptions = { checkCrcs: true, slabBytesMax: 1 << 20, allocator: new SlabPool(0) };
const TEXT = new TextDecoder();

function setOf(bytes: Uint8Array, from = 0n, aborted: RecordSet["aborted"] = []): RecordSet {
  return { topic: "orders", topicId: "id", partition: 3, from, bytes, aborted };
}

function slabs(set: RecordSet, options: Partial<DecodeOptions> = {}): RawRecords[] {
  return [...decodeRecordSet(set, { ...OPTIONS, ...options })].map(({ records }) => records);
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : TEXT.decode(bytes);
}

function values(all: readonly RawRecords[]): string[] {
  return all.flatMap((raw) =>
    Array.from({ length: raw.count }, (_, i) => `${rawOffset(raw, i)}=${text(rawValue(raw, i))}`)
  );
}

function batch(baseOffset: bigint, texts: readonly string[], more: Partial<FixtureBatch> = {}): Uint8Array {
  return encodeBatch({ baseOffset, records: texts.map((value, offsetDelta) => ({ offsetDelta, value })), ...more });
}

Deno.test("decodeRecordSet() indexes keys, values, headers, tombstones and timestamps without a copy", () => {
  const bytes = encodeBatch({
    baseOffset: 100n,
    baseTimestamp: 1_700_000_000_000n,
    records: [
      { offsetDelta: 0, key: "k", value: "v", timestampDelta: 5, headers: [["h", "1"], ["h", null]] },
      { offsetDelta: 1, key: null, value: null, timestampDelta: -7 },
      { offsetDelta: 4, key: "", value: "", timestampDelta: 86_400_000_000 },
    ],
  });
  const [raw, ...rest] = slabs(setOf(bytes, 100n));
  assertEquals(rest, []);
  assertEquals(raw.bytes, bytes);
  assert(raw.bytes.buffer === bytes.buffer, "zero-copy");
  assertEquals([raw.from, raw.to, raw.count], [100n, 105n, 3]);
  assertEquals([0, 1, 2].map((i) => rawOffset(raw, i)), [100n, 101n, 104n]);
  assertEquals([0, 1, 2].map((i) => text(rawKey(raw, i))), ["k", null, ""]);
  assertEquals([0, 1, 2].map((i) => text(rawValue(raw, i))), ["v", null, ""]);
  assertEquals([...raw.timestampsMs], [1_700_000_000_005, 1_699_999_999_993, 1_786_400_000_000]);
  assertEquals(rawHeaders(raw, 0).map(({ key, value }) => [key, text(value)]), [["h", "1"], ["h", null]]);
  assertEquals(rawHeaders(raw, 2), []);
});

for (const [codec, name] of [[1, "gzip"], [2, "snappy"], [3, "lz4"], [4, "zstd"]] as const) {
  Deno.test(`decodeRecordSet() reads ${name}, mixed with batches that are not compressed`, () => {
    const long = "x".repeat(5000);
    const bytes = concat(batch(0n, ["a", long, "b"], { codec }), batch(3n, ["c"]), batch(4n, ["d", "e"], { codec }));
    const all = slabs(setOf(bytes));
    assertEquals(values(all), ["0=a", `1=${long}`, "2=b", "3=c", "4=d", "5=e"]);
    assertEquals(all.length, 1);
  });
}

Deno.test("decodeRecordSet() reads snappy in Java's framing", () => {
  const raw = batch(0n, ["hello", "world"], { codec: 2 }).subarray(61);
  const framed = concat(
    new Uint8Array([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, raw.length]),
    raw,
  );
  const bytes = encodeBatch({
    baseOffset: 0n,
    codec: 2,
    body: framed,
    records: [{ offsetDelta: 0 }, { offsetDelta: 1 }],
  });
  assertEquals(values(slabs(setOf(bytes))), ["0=hello", "1=world"]);
});

Deno.test("decodeRecordSet() gives LogAppendTime batches the time of the append", () => {
  const bytes = encodeBatch({
    baseOffset: 0n,
    flags: 8,
    maxTimestamp: 777n,
    records: [{ offsetDelta: 0, value: "a", timestampDelta: 3 }, { offsetDelta: 1, value: "b" }],
  });
  assertEquals([...slabs(setOf(bytes))[0].timestampsMs], [777, 777]);
});

Deno.test("decodeRecordSet() drops records before the offset that was asked for", () => {
  const bytes = concat(batch(10n, ["a", "b", "c"]), batch(13n, ["d"]));
  const [raw] = slabs(setOf(bytes, 12n));
  assertEquals(values([raw]), ["12=c", "13=d"]);
  assertEquals([raw.from, raw.to], [12n, 14n]);
});

Deno.test("decodeRecordSet() ends at the last batch's last offset, compacted tails included", () => {
  const bytes = batch(10n, ["a"], { lastOffsetDelta: 9 });
  const [raw] = slabs(setOf(bytes, 10n));
  assertEquals([raw.to, raw.count], [20n, 1]);
  const empty = encodeBatch({ baseOffset: 20n, records: [], lastOffsetDelta: 4, count: 0 });
  const [gap] = slabs(setOf(empty, 20n));
  assertEquals([gap.from, gap.to, gap.count], [20n, 25n, 0]);
});

Deno.test("decodeRecordSet() ignores a batch that was cut off, and the scan says how large it is", () => {
  const whole = batch(0n, ["a"]);
  const cut = batch(1n, ["b".repeat(500)]);
  const bytes = concat(whole, cut.subarray(0, 100));
  assertEquals(values(slabs(setOf(bytes))), ["0=a"]);
  assertEquals(scanRecordSet(setOf(bytes)), { to: 1n, bytes: whole.length, cutBatchBytes: cut.length });
  assertEquals(slabs(setOf(cut.subarray(0, 10))), []);
});

Deno.test("decodeRecordSet() skips aborted transactions and control records, and keeps what others wrote between", () => {
  const tx = (offset: bigint, producerId: bigint, value: string) => batch(offset, [value], { producerId, flags: 16 });
  const bytes = concat(
    tx(0n, 7n, "aborted 1"),
    tx(1n, 8n, "kept 1"),
    batch(2n, ["plain"]),
    tx(3n, 7n, "aborted 2"),
    controlBatch(4n, 7n, "abort"),
    tx(5n, 7n, "kept 2"),
    controlBatch(6n, 8n, "commit"),
    controlBatch(7n, 7n, "commit"),
    tx(8n, 7n, "aborted 3"),
    controlBatch(9n, 7n, "abort"),
  );
  const aborted = [{ producerId: 7n, firstOffset: 8n }, { producerId: 7n, firstOffset: 0n }];
  const all = slabs(setOf(bytes, 0n, aborted));
  assertEquals(values(all), ["1=kept 1", "2=plain", "5=kept 2"]);
  assertEquals(all.at(-1)!.to, 10n);
  assertEquals(values(slabs(setOf(bytes, 0n, null))).length, 6, "read_uncommitted sees all but the control records");
});

Deno.test("decodeRecordSet() gives an empty slab where only aborted records were passed", () => {
  const bytes = concat(batch(5n, ["x"], { producerId: 1n, flags: 16 }), controlBatch(6n, 1n, "abort"));
  const [raw, ...rest] = slabs(setOf(bytes, 5n, [{ producerId: 1n, firstOffset: 5n }]));
  assertEquals([raw.count, raw.from, raw.to, rest.length], [0, 5n, 7n, 0]);
});

Deno.test("decodeRecordSet() splits where an offset delta would not fit 32 bits", () => {
  const bytes = concat(batch(0n, ["a"]), batch(2n ** 31n, ["b"]));
  const all = slabs(setOf(bytes));
  assertEquals(values(all), ["0=a", "2147483648=b"]);
  assertEquals(all.map(({ from, to }) => [from, to]), [[0n, 1n], [1n, 2n ** 31n + 1n]]);
});

Deno.test("decodeRecordSet() closes a slab once it is full, and the slabs chain", () => {
  const runs = Array.from({ length: 10 }, (_, i) => batch(BigInt(i), ["v".repeat(200)], { codec: 4 }));
  const all = slabs(setOf(concat(...runs)), { slabBytesMax: 500 });
  assertEquals(all.length, 4);
  assertEquals(values(all).length, 10);
  for (let i = 1; i < all.length; i++) assertEquals(all[i].from, all[i - 1].to);
});

Deno.test("decodeRecordSet() names topic, partition and offset where a batch is damaged", () => {
  const bytes = batch(40n, ["abc"]);
  bytes[bytes.length - 1] ^= 1;
  const error = assertThrows(() => slabs(setOf(bytes, 40n)), FatalError, "checksum");
  assertStringIncludes(error.message, "orders-3 at offset 40");
  assertThrows(() => slabs(setOf(bytes, 40n), { checkCrcs: false }), FatalError, "damaged");
});

Deno.test("decodeRecordSet() refuses message formats v0 and v1 by name", () => {
  assertThrows(() => slabs(setOf(batch(0n, ["a"], { magic: 1 }))), FatalError, "message format v1");
});

Deno.test("decodeRecordSet() refuses counts and sizes that the bytes cannot hold before it allocates", () => {
  assertThrows(() => slabs(setOf(batch(0n, ["a"], { count: 2 ** 30 }))), FatalError, "claims");
  const bomb = encodeBatch({
    baseOffset: 0n,
    codec: 2,
    body: new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x0f, 0]),
    records: [{ offsetDelta: 0 }],
  });
  assertThrows(() => slabs(setOf(bomb)), FatalError, "the limit is");
});

Deno.test("decodeRecordSet() never crashes or hangs on 10,000 mutated slabs", () => {
  const seed = concat(
    ...[0, 1, 2, 3, 4].map((codec, i) => batch(BigInt(i * 3), ["alpha", "beta".repeat(20), ""], { codec })),
    controlBatch(15n, 7n, "abort"),
    encodeBatch({ baseOffset: 16n, records: [{ offsetDelta: 0, key: "k", value: "v", headers: [["a", "b"]] }] }),
  );
  let state = 12345;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  let refused = 0;
  for (let round = 0; round < 10_000; round++) {
    const bytes = seed.slice(0, round % 3 === 0 ? random(seed.length) : seed.length);
    for (let flips = 1 + random(3); flips > 0 && bytes.length > 0; flips--) bytes[random(bytes.length)] = random(256);
    try {
      const all = slabs(setOf(bytes, 0n, [{ producerId: 7n, firstOffset: 0n }]), { checkCrcs: false });
      for (const raw of all) for (let i = 0; i < raw.count; i++) rawHeaders(raw, i);
    } catch (error) {
      assert(error instanceof FatalError, `${error}`);
      refused++;
    }
  }
  assert(refused > 1000, `${refused} refused`);
  assertEquals(values(slabs(setOf(seed, 0n))).length, 16, "the codecs still work afterwards");
});

Deno.test("decodeRecordSet() reads batches that unfold a thousand times beside some that hardly do", () => {
  const folded = "x".repeat(60_000);
  const plain = Array.from({ length: 3_000 }, (_, i) => String.fromCharCode(33 + (i * i * 7 + (i >> 3)) % 90)).join("");
  for (const codec of [1, 4]) {
    const texts = [[folded], [plain], [folded, folded, plain], [""]];
    const starts = [0, 1, 2, 5];
    const bytes = concat(...texts.map((values, i) => batch(BigInt(starts[i]), values, { codec })));
    assertEquals(values(slabs(setOf(bytes))), texts.flat().map((value, i) => `${i}=${value}`));
  }
});

Deno.test("decodeRecordSet() reads on after a compressed batch without a byte", () => {
  for (const codec of [1, 4]) {
    const hollow = encodeBatch({ baseOffset: 0n, codec, body: new Uint8Array(0), records: [{ offsetDelta: 0 }] });
    assertThrows(() => slabs(setOf(hollow)), FatalError, "damaged");
    assertEquals(values(slabs(setOf(batch(0n, ["a"], { codec })))), ["0=a"]);
  }
});
