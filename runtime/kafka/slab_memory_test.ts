import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { encodeBatch } from "./batch_fixture.ts";
import { FetchRoom } from "./fetch_room.ts";
import { SlabPool } from "./slab_pool.ts";
import { ResponseMemory, SlabQueue } from "./slab_queue.ts";
import type { Fetched } from "./types.ts";

const KiB = 1024;
const SLAB = 64 * KiB;
/** An index entry. */
const ENTRY = 32;

/** A broker's answers as a fetcher treats them: asked for where there is room, queued, taken, held and released. */
function simulate(memoryBytes: number, responseBytesMax: number, bytesOf: (from: number) => Uint8Array) {
  const pool = new SlabPool(memoryBytes);
  const room = new FetchRoom(pool, memoryBytes, responseBytesMax);
  const queue = new SlabQueue(pool, { checkCrcs: false, slabBytesMax: SLAB, allocator: pool });
  const next = new Map<number, number>();
  const held: Fetched[] = [];
  let most = 0;
  const note = () => most = Math.max(most, pool.usedBytes);
  return {
    pool,
    held,
    most: () => most,
    /** Whether there was room: then a response with as many partitions as fit has come. */
    fetch(partitions: readonly number[], brokers: number): boolean {
      const size = room.ask(brokers);
      if (size === 0) return false;
      const parts: { partition: number; from: number; bytes: Uint8Array }[] = [];
      let total = 0;
      for (const partition of partitions) {
        const from = next.get(partition) ?? 0;
        const bytes = bytesOf(from);
        // The first batch comes whole, however large it is.
        if (total > 0 && total + bytes.length > size) break;
        parts.push({ partition, from, bytes });
        next.set(partition, from + 1);
        total += bytes.length;
      }
      const memory = new ResponseMemory(pool.takeBytes(total), pool);
      room.answered(size);
      memory.hold();
      for (const { partition, from, bytes } of parts) {
        queue.addRecords({
          isCurrent: () => true,
          epoch: 1,
          set: { topic: "t", topicId: "id", partition, from: BigInt(from), bytes, aborted: null },
          memory,
          endOffset: 1_000_000n,
          logStartOffset: 0n,
          node: 1,
        });
        note();
      }
      memory.drop();
      return true;
    },
    take(): void {
      held.push(...queue.take(SLAB, memoryBytes));
      note();
    },
    release(count: number): void {
      for (const fetched of held.splice(0, count)) if (fetched.kind === "records") queue.release(fetched.records);
    },
    isDrained: () => queue.isEmpty && held.length === 0,
  };
}

const SHAPES = {
  "small records": { codec: 0, size: 100, records: 20 },
  "records larger than a response": { codec: 0, size: 90 * KiB, records: 1 },
  "batches that unfold a hundred times": { codec: 4, size: 2 * KiB, records: 60 },
} as const;

for (const [name, { codec, size, records }] of Object.entries(SHAPES)) {
  Deno.test(`the memory of slabs stays within the budget, one response and one slab more: ${name}`, () => {
    const values = Array.from({ length: records }, (_, i) => ({ offsetDelta: i, value: "x".repeat(size) }));
    const plain = encodeBatch({ baseOffset: 0n, records: values });
    const batch = encodeBatch({ baseOffset: 0n, records: values, codec });
    const at = (from: number) => {
      const bytes = batch.slice();
      new DataView(bytes.buffer).setBigInt64(0, BigInt(from));
      return bytes;
    };
    const step = fc.record({ act: fc.constantFrom("fetch", "fetch", "take", "release"), count: fc.nat(6) });
    const partitions = fc.constantFrom(1, 16, 200);
    fc.assert(
      fc.property(
        partitions,
        fc.integer({ min: 256, max: 2048 }),
        fc.array(step, { maxLength: 60 }),
        (n, kib, steps) => {
          const memoryBytes = kib * KiB;
          const responseBytesMax = 64 * KiB;
          const all = Array.from({ length: n }, (_, i) => i);
          const sim = simulate(memoryBytes, responseBytesMax, (from) => at(from * records));
          for (const { act, count } of steps) {
            if (act === "fetch") sim.fetch(all, 1 + count);
            else if (act === "take") sim.take();
            else sim.release(count);
          }
          // The pool's sizes are rounded up by an eighth at most, small ones to 4 KiB; small parts may be copied.
          const response = 2 * Math.max(responseBytesMax, batch.length) * 1.125 + n * 4 * KiB;
          const slab = (SLAB + plain.length) * 1.125 + 4 * KiB + ENTRY * (records + 64 + SLAB / 100);
          const limit = memoryBytes + response + slab;
          assert(sim.most() <= limit, `${sim.most()} bytes are in use, the limit is ${limit}`);
          for (let i = 0; i < 10_000 && !sim.isDrained(); i++) {
            sim.take();
            sim.release(1);
          }
          assertEquals([sim.isDrained(), sim.pool.usedBytes], [true, 0]);
        },
      ),
      { numRuns: 60 },
    );
  });
}

Deno.test("FetchRoom.ask() counts what was asked for of all brokers, and leaves each of them its share", () => {
  const pool = new SlabPool(0);
  const room = new FetchRoom(pool, 8 * 1024 * KiB, 4 * 1024 * KiB);
  const asked = Array.from({ length: 10 }, () => room.ask(10));
  assert(asked.every((size) => size > 0), "a broker with nothing to tell keeps nobody waiting");
  assert(asked.reduce((sum, size) => sum + size, 0) <= 4 * 1024 * KiB);
  const memory = pool.takeBytes(4 * 1024 * KiB);
  assertEquals(room.ask(10), 0);
  room.answered(asked[0]);
  assert(room.ask(10) > 0);
  pool.giveBytes(memory);
});

Deno.test("FetchRoom.ask() always has room where nothing is in use, however small the budget is", () => {
  const pool = new SlabPool(0);
  const room = new FetchRoom(pool, 1, 4 * 1024 * KiB);
  const size = room.ask(3);
  assertEquals(size, 64 * KiB);
  assertEquals(room.ask(3), 0);
  room.answered(size);
  assertEquals(room.ask(3), size);
});
