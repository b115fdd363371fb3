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
const FREE_BYTES_MAX = 32 * 1024 * 1024;
/** Below this nothing is kept: it costs more than it saves. */
const BYTES_MIN = 4 * 1024;

const free = new Map<number, ArrayBuffer[]>();
let freeBytes = 0;
/** What was taken and not given back: nothing else is ours to use again. */
const lent = new WeakSet<ArrayBufferLike>();

/** An array of at least `length` entries, whatever they are, and at most an eighth more. */
export function takeArray<T extends Numbers>(
  ArrayType: new (buffer: ArrayBuffer) => T,
  entryBytes: number,
  length: number,
): T {
  const bytes = roundUp(length * entryBytes);
  if (bytes < BYTES_MIN) return new ArrayType(new ArrayBuffer(bytes));
  let buffer = free.get(bytes)?.pop();
  if (buffer) freeBytes -= bytes;
  else buffer = new ArrayBuffer(bytes);
  lent.add(buffer);
  return new ArrayType(buffer);
}

/** The array is not used any more, by anybody. */
export function giveArray({ buffer }: { readonly buffer: ArrayBufferLike }): void {
  if (!lent.delete(buffer)) return;
  const { byteLength } = buffer;
  if (freeBytes + byteLength > FREE_BYTES_MAX) return;
  freeBytes += byteLength;
  const kept = free.get(byteLength);
  if (kept) kept.push(buffer as ArrayBuffer);
  else free.set(byteLength, [buffer as ArrayBuffer]);
}

/** Gives back all that column builders made of a column and its children: nobody looks at it any more. */
export function recycle(data: Data): void {
  for (const array of [data.values, data.valueOffsets, data.nullBitmap]) if (array) giveArray(array);
  for (const child of data.children) recycle(child);
}

/** Eight sizes between two powers of two: close to what is asked, and few enough to be met again. */
function roundUp(bytes: number): number {
  const step = Math.max(64, 2 ** Math.floor(Math.log2(bytes)) / 8);
  return Math.ceil(bytes / step) * step;
}
