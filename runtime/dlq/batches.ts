/**
 * Letters some at a time, by their number and by what they take in memory.
 *
 * @module
 */
import type { Letter } from "./letter.ts";

/** Letters that are treated together, at most; one alone may have more bytes. */
export interface BatchLimits {
  readonly letters: number;
  /** As `footprintOf` counts. */
  readonly bytes: number;
}

/** About what a letter takes in memory, bytes: anybody may have written headers of any size, too. */
export function footprintOf({ key, value, headers, message, trace, reason }: Letter): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0) + message.length + trace.length + reason.length;
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0);
  return bytes;
}

/** Yields all of them, in order. */
export async function* batchesOf<T>(
  items: AsyncIterable<T>,
  limits: BatchLimits,
  letterOf: (item: T) => Letter,
): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for await (const item of items) {
    batch.push(item);
    bytes += footprintOf(letterOf(item));
    if (batch.length < limits.letters && bytes < limits.bytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}
