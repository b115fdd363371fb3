/**
 * Repetition and definition levels of data pages V1: their size, then the hybrid encoding.
 *
 * @module
 */
import type { ByteSink } from "./byte_sink.ts";
import { bitWidth, writeHybrid, writeRun } from "./encodings/rle.ts";

/** The levels of `count` entries, 0 to `max`; null: all are `max`. Nothing where `max` is 0: there is one level. */
export function writeLevels(out: ByteSink, levels: Uint8Array | null, count: number, max: number): void {
  if (max === 0) return;
  const at = out.length;
  out.word(0);
  if (levels === null) writeRun(out, max, count, bitWidth(max));
  else writeHybrid(out, levels, count, bitWidth(max));
  out.wordAt(at, out.length - at - 4);
}
