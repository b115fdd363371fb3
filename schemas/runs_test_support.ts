/**
 * For tests of generated decoders: the same payloads by code and by the reference, and all that columns hold.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Data, type RecordBatch, Type } from "apache-arrow";
import type { DataError } from "../mod.ts";
import type { Payloads } from "./registered.ts";

/** Chance. */
interface Random {
  below(count: number): number;
  bytes(length: number): Uint8Array;
}

/** Payloads in one array. */
export interface Slab extends Payloads {
  readonly bytes: Uint8Array;
}

/** What decodes payloads by code and, one by one, by the reference. */
export interface RunsDecoder {
  readonly rows: { readonly length: number; finish(): RecordBatch };
  append(bytes: Uint8Array, start: number, end: number, valueStart: number): DataError | null;
  appendRun(bytes: Uint8Array, payloads: Payloads, from: number, to: number): number;
}

/** A slab of payloads; what lies between and behind them belongs to nobody. */
export function runOf(payloads: readonly Uint8Array[], random: Random): Slab {
  const parts = payloads.flatMap((payload) => [random.bytes(random.below(4)), payload])
    .concat(random.bytes(random.below(2) * random.below(200)));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  const starts = new Int32Array(payloads.length), ends = new Int32Array(payloads.length);
  let at = 0;
  parts.forEach((part, i) => {
    bytes.set(part, at);
    if (i % 2 === 1) starts[i >> 1] = at;
    at += part.length;
    if (i % 2 === 1) ends[i >> 1] = at;
  });
  return { bytes, starts, ends, indices: Int32Array.from(starts.keys()) };
}

/**
 * Decodes the slabs twice, and compares errors and columns; returns how many payloads were left to the reference, and
 * why they may have been: nearly at the slab's end.
 */
export function compareRuns(make: () => RunsDecoder, slabs: readonly Slab[]): { byCode: number; left: number } {
  const [code, reference] = [make(), make()];
  const total = { byCode: 0, left: 0 };
  for (const slab of slabs) {
    const run = decode(code, slab, false);
    assertEquals(run.errors, decode(reference, slab, true).errors);
    assertEquals(code.rows.length, reference.rows.length);
    total.byCode += run.byCode;
    total.left += run.left;
    // Some batches hold the rows of several runs.
    if (slab.starts.length % 2 === 0) assertEquals(finish(code), finish(reference));
  }
  assertEquals(finish(code), finish(reference));
  return total;
}

/** As runs of records are decoded: code as far as it goes, then a record by the reference. */
function decode(decoder: RunsDecoder, slab: Slab, isReference: boolean) {
  const { bytes, starts, ends, indices } = slab;
  const errors: string[] = [];
  let byCode = 0, left = 0;
  for (let at = 0; at < indices.length; at++) {
    const stop = isReference ? at : decoder.appendRun(bytes, slab, at, indices.length);
    byCode += stop - at;
    at = stop;
    if (at === indices.length) break;
    const error = decoder.append(bytes, starts[at], ends[at], starts[at] - 5);
    if (error) errors.push(`${at}: ${error.message} ${JSON.stringify(error.details)}`);
    else if (ends[at] + 64 <= bytes.length) left++;
  }
  return { errors, byCode, left };
}

const finish = (decoder: RunsDecoder): unknown => contents(decoder.rows.finish().data);

/** What lies below nulls too. */
function contents({ length, nullCount, nullBitmap, type, values, valueOffsets, children }: Data): unknown {
  const bits = (of: Uint8Array) => Array.from({ length }, (_, i) => of[i >> 3] >> (i & 7) & 1);
  return {
    length,
    nulls: nullCount === 0 ? 0 : [nullCount, bits(nullBitmap)],
    values: type.typeId === Type.Bool ? bits(values) : values,
    offsets: valueOffsets,
    children: children.map(contents),
  };
}

/** Bits flipped, bytes cut, put in or replaced. */
export function mutate(payload: Uint8Array, random: Random): Uint8Array {
  const at = random.below(payload.length + 1);
  switch (random.below(5)) {
    case 0: {
      const out = payload.slice();
      for (let i = random.below(3); i >= 0 && out.length > 0; i--) {
        out[random.below(out.length)] ^= 1 << random.below(8);
      }
      return out;
    }
    case 1:
      return payload.slice(0, at);
    case 2:
      return Uint8Array.from([...payload.slice(0, at), ...random.bytes(1 + random.below(4)), ...payload.slice(at)]);
    case 3: {
      // Varints of all lengths, where lengths, counts and tags may stand.
      const varint = [...Array.from({ length: random.below(11) }, () => 0xff), random.below(128)];
      return Uint8Array.from([...payload.slice(0, at), ...varint, ...payload.slice(at + 1)]);
    }
    default:
      return random.bytes(random.below(60));
  }
}
