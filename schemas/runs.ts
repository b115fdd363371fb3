/**
 * Runs of records that are decoded alike, and what rules do to them before.
 *
 * @module
 */
import { DataError, type DecodedRows, type RawRecords, type RejectRecord } from "../mod.ts";
import type { PayloadDecoder, RowBuilder } from "./registered.ts";
import type { PayloadRules } from "./rules/rules.ts";

/** What a record is decoded with, or why it cannot be. */
export type Choice = PayloadDecoder | Ruled | DataError;

/** Rules that change payloads, or refuse them, before they are decoded. */
export class Ruled {
  constructor(readonly decoder: PayloadDecoder, readonly rules: PayloadRules) {}
}

/** Where the values lie; all but `indices` by record. */
export interface Ranges {
  readonly indices: Int32Array;
  readonly starts: Int32Array;
  readonly payloads: Int32Array;
  readonly ends: Int32Array;
}

/** Fewer records cost less one by one: what a run begins and ends with is paid for each column. */
const RUN_MIN = 4;

/** The records `indices[from, to)`, and what they are decoded with. */
export interface Run {
  readonly from: number;
  to: number;
  readonly choice: Choice;
  /** What rules have made of the payload of the one record of this run. */
  readonly changed?: Uint8Array;
}

/** A run to which rules were applied, or none are to be. */
export interface DecodedRun extends Run {
  readonly choice: PayloadDecoder | DataError;
}

/** Applies rules, record by record; those that they leave as they are stay runs. */
export async function applyRules(
  bytes: Uint8Array,
  { indices, starts, payloads, ends }: Ranges,
  runs: Run[],
): Promise<DecodedRun[]> {
  const out: DecodedRun[] = [];
  for (const { from, to, choice } of runs) {
    if (!(choice instanceof Ruled)) {
      out.push({ from, to, choice });
      continue;
    }
    for (let at = from; at < to; at++) {
      const index = indices[at];
      const changed = await choice.rules.apply(bytes, payloads[index], ends[index], starts[index]);
      if (changed instanceof DataError) addRun(out, at, at + 1, changed);
      else if (changed === null) addRun(out, at, at + 1, choice.decoder);
      else out.push({ from: at, to: at + 1, choice: choice.decoder, changed });
    }
  }
  return out;
}

/** Adds records to the last run, or begins one. */
export function addRun(runs: Run[], from: number, to: number, choice: Choice): void {
  const last = runs.at(-1);
  if (last?.choice === choice && last.changed === undefined) last.to = to;
  else runs.push({ from, to, choice });
}

/** Decodes runs; a record that cannot be is rejected, in the order of the records. */
export function decodeRuns(
  { bytes }: RawRecords,
  ranges: Ranges,
  runs: readonly DecodedRun[],
  reject: RejectRecord,
): DecodedRows[] {
  const { indices, starts, payloads, ends } = ranges;
  const out: DecodedRows[] = [];
  const decoded = new Int32Array(indices.length);
  let count = 0;
  let first = 0;
  let rows: RowBuilder | null = null;
  const endRows = () => {
    if (rows && count > first) out.push({ data: rows.finish(), rows: decoded.slice(first, count) });
    first = count;
  };
  try {
    for (const { from, to, choice, changed } of runs) {
      if (choice instanceof DataError) {
        for (let at = from; at < to; at++) reject(indices[at], choice);
        continue;
      }
      if (choice.rows !== rows) {
        endRows();
        rows = choice.rows;
      }
      if (changed) {
        const error = choice.append(changed, 0, changed.length, 0);
        if (error === null) decoded[count++] = indices[from];
        else reject(indices[from], unplaced(error));
        continue;
      }
      for (let at = from; at < to; at++) {
        const isRun = choice.appendRun !== undefined && to - at >= RUN_MIN;
        const stop = isRun ? choice.appendRun!(bytes, { indices, starts: payloads, ends }, at, to) : at;
        while (at < stop) decoded[count++] = indices[at++];
        if (at === to) break;
        const index = indices[at];
        const error = choice.append(bytes, payloads[index], ends[index], starts[index]);
        if (error === null) decoded[count++] = index;
        else reject(index, error);
      }
    }
    endRows();
  } catch (error) {
    // Rows of a call that failed must not turn up in the next one.
    rows?.discard();
    throw error;
  }
  return out;
}

/** A position in what rules have made says nothing of the record's own bytes. */
function unplaced(error: DataError): DataError {
  const { bytePosition: _, ...details } = error.details;
  return new DataError(`${error.message}; the message is what rules of its schema have made of the record's`, details, {
    cause: error.cause ?? error,
  });
}
