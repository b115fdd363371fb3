/**
 * The memory of columns, used again and again. A typed array that is dropped is freed late, when the garbage is collected,
 * and new memory has to be cleared: at hundreds of thousands of rows a second that is most of a thread's memory and some of
 * its time. So column builders take their arrays here, and the task gives a batch's arrays back once its sink has copied
 * what it keeps. One stock a thread, since a task is a thread.
 *
 * @module
 */
import type { Data } from "apache-arrow";

/** Arrays of numbers that columns are made of. */
export type Numbers = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** What waits to be used again, at most. */
const FREE_BYTES_MAX = 16 * 1024 * 1024;
/** Below this nothing is kept: it costs more than it saves. */
const BYTES_MIN = 4 * 1024;
/** Above it nothing either: it was made for huge values, which are rare. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;

/** By size; no list is empty. */
const free = new Map<number, ArrayBuffer[]>();
let freeBytes = 0;
/** What was taken and not given back: nothing else is ours to use again. */
const lent = new WeakSet<ArrayBufferLike>();

/** A buffer of at least `bytes` bytes, whatever they are, and at most an eighth more. */
export function takeBuffer(bytes: number): ArrayBuffer {
  const size = roundUp(bytes);
  if (size < BYTES_MIN) return new ArrayBuffer(size);
  const kept = free.get(size);
  const buffer = kept?.pop() ?? new ArrayBuffer(size);
  if (kept) {
    freeBytes -= size;
    if (kept.length === 0) free.delete(size);
  }
  lent.add(buffer);
  return buffer;
}

/** The buffer is not used any more, by anybody. One that was not taken here is left alone. */
export function giveBuffer(buffer: ArrayBufferLike): void {
  if (!lent.delete(buffer)) return;
  const { byteLength } = buffer;
  if (byteLength > KEPT_BYTES_MAX) return void (buffer as ArrayBuffer).transfer(0); // freed now, not with the garbage
  const kept = free.get(byteLength) ?? [];
  kept.push(buffer as ArrayBuffer);
  freeBytes += byteLength;
  free.delete(byteLength); // and to the end: what comes first is the size that nobody gave for longest
  free.set(byteLength, kept);
  while (freeBytes > FREE_BYTES_MAX) freeOldest();
}

/** A typed array of at least `capacity` entries with the same content; the old one is given back. What follows is undefined. */
export function resized<T extends Numbers>(array: T, capacity: number): T {
  const ArrayType = array.constructor as new (buffer: ArrayBuffer) => T;
  const next = new ArrayType(takeBuffer(capacity * array.BYTES_PER_ELEMENT));
  if (array.length > 0) next.set(array as never);
  giveBuffer(array.buffer);
  return next;
}

function freeOldest(): void {
  const [size, buffers] = free.entries().next().value!;
  freeBytes -= size;
  buffers.pop()!.transfer(0);
  if (buffers.length === 0) free.delete(size);
}

/** Gives back all that column builders made of a column and its children: nobody looks at it any more. */
export function recycle(data: Data): void {
  for (const array of [data.values, data.valueOffsets, data.nullBitmap]) if (array) giveBuffer(array.buffer);
  for (const child of data.children) recycle(child);
}

/** Eight sizes between two powers of two: close to what is asked, and few enough to be met again. */
function roundUp(bytes: number): number {
  const step = Math.max(64, 2 ** (31 - Math.clz32(bytes)) / 8);
  return Math.ceil(bytes / step) * step;
}
