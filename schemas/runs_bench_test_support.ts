/**
 * For the benchmarks of generated decoders: a slab of framed payloads by the reference, by code, and by the converter as
 * the engine calls it (frames read, batches out), in turns.
 *
 * @module
 */
import type { Converter, RawRecords } from "../mod.ts";
import { createRegisteredConverter, type RegisteredFormat } from "./registered.ts";
import type { RunsDecoder } from "./runs_test_support.ts";
import { contextOf, registeredConfig } from "./testing.ts";

/** Bytes of a slab, about. */
const SLAB_BYTES = 1 << 20;
/** What Kafka's record format puts between two values. */
const RECORD_BYTES = 9;
const TURNS = 60;

/** What is measured. */
export interface Kind {
  readonly name: string;
  readonly format: Pick<RegisteredFormat, "schemaType" | "hasMessageIndexes">;
  decoder(): RunsDecoder;
  payload(i: number): Uint8Array;
}

/** Prints records a second of each way. */
export async function benchRuns({ name, format, decoder, payload }: Kind): Promise<void> {
  const slab = slabOf(format.hasMessageIndexes ? [0, 0, 0, 0, 1, 0] : [0, 0, 0, 0, 1], payload);
  const { bytes, count, indices, starts, ends } = slab;
  const [reference, code, registered] = [decoder(), decoder(), decoder()];
  const converter = converterOf(format, registered);
  const reject = (_: number, error: Error) => {
    throw error;
  };
  const ways: Record<string, () => void | Promise<void>> = {
    reference() {
      for (let i = 0; i < count; i++) {
        const error = reference.append(bytes, starts[i], ends[i], starts[i]);
        if (error) throw error;
      }
      reference.rows.finish();
    },
    code() {
      const stop = code.appendRun(bytes, slab, 0, count);
      if (stop < count) throw new Error(`${count - stop} of ${count} are not for code`);
      code.rows.finish();
    },
    async registered() {
      await converter.decode(slab.records, indices, reject);
    },
  };
  const best: Record<string, number> = {};
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [way, run] of Object.entries(ways)) {
      const start = performance.now();
      await run();
      best[way] = Math.min(best[way] ?? Infinity, performance.now() - start);
    }
  }
  const rates = Object.entries(best).map(([way, ms]) => `${way} ${(count / ms / 1000).toFixed(2).padStart(6)} M/s`);
  const ratio = (best.reference / best.registered).toFixed(1);
  console.log(`${name.padEnd(22)} ${rates.join("   ")}   ratio ${ratio}   ${Math.round(bytes.length / count)} bytes`);
}

function slabOf(frame: readonly number[], payload: (i: number) => Uint8Array) {
  const payloads: Uint8Array[] = [];
  for (let size = 0; size < SLAB_BYTES; size += payloads.at(-1)!.length + frame.length + RECORD_BYTES) {
    payloads.push(payload(payloads.length));
  }
  const count = payloads.length;
  const size = payloads.reduce((sum, { length }) => sum + length + frame.length + RECORD_BYTES, 64);
  const bytes = new Uint8Array(size);
  const [valueStarts, starts, ends] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
  let at = 0;
  payloads.forEach((part, i) => {
    valueStarts[i] = at += RECORD_BYTES;
    bytes.set(frame, at);
    starts[i] = at += frame.length;
    bytes.set(part, at);
    ends[i] = at += part.length;
  });
  const indices = Int32Array.from({ length: count }, (_, i) => i);
  // Behind each value stands a 0: no headers.
  const records = { bytes, count, valueStarts, valueEnds: ends, headerStarts: ends } as Partial<
    RawRecords
  > as RawRecords;
  return { bytes, count, indices, starts, ends, records };
}

/** A converter whose registry knows schema 1: that of the decoder. */
function converterOf(format: Kind["format"], decoder: RunsDecoder): Converter {
  const answer = (url: string) => url.endsWith("/versions") ? [] : { schema: "{}", schemaType: format.schemaType };
  const context = {
    ...contextOf(),
    fetch:
      ((url: string | URL | Request) =>
        Promise.resolve(Response.json(answer(String(url instanceof Request ? url.url : url))))) as typeof fetch,
  };
  const rows = { ...decoder.rows, finish: () => decoder.rows.finish(), discard: () => {} };
  const compile = () => ({
    rows,
    append: decoder.append.bind(decoder),
    appendRun: decoder.appendRun.bind(decoder),
  });
  return createRegisteredConverter({ ...format, mismatch: "", compile }, registeredConfig("http://registry"), context);
}
