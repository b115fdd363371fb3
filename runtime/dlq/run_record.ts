/**
 * What the ledger keeps of a run: what it chose, before anything is done about it, and how far it is. All of it is below
 * the key `run:<id>`:
 *
 * | part | holds |
 * |---|---|
 * | (none) | the run: target, fix, state, counts; JSON |
 * | `selection/<n>` | the chosen letters: a partition of the queue and offsets, as `OffsetSet.texts` writes them |
 * | `plan/<n>` | pieces of the plan whose commit is under way |
 * | `holder` | who works at it, and when it last said so; JSON |
 *
 * @module
 */
import { FatalError } from "../api/mod.ts";
import type { FixSpec } from "./fix_spec.ts";
import { jsonOf, type Ledger, type LedgerChange, noSense, runChange } from "./ledger.ts";
import { OffsetSet } from "./offset_set.ts";

/** Where letters go: into the sink, or to a topic (null: the one that each came from). */
export type RunTarget = { readonly kind: "sink" } | { readonly kind: "topic"; readonly topic: string | null };

/** How many letters became what. */
export interface RunCounts {
  /** What the run has chosen. */
  readonly chosen: number;
  /** In the table, or on the topic. */
  readonly replayed: number;
  /** Refused again: they are new letters. */
  readonly refused: number;
  /** Of those, how many are not chosen any more. */
  readonly quarantined: number;
}

/** A run, without its selection. */
export interface Run {
  readonly id: string;
  readonly state: "open" | "done" | "abandoned";
  readonly target: RunTarget;
  readonly fix: FixSpec;
  /** How often a record may be a letter before it is quarantined. */
  readonly attemptsMax: number;
  /** Whose pipeline and sink its letters go through: several connectors may share a queue. */
  readonly connector: string;
  /** The id of the dead-letter topic that it has chosen from. */
  readonly queueId: string;
  readonly counts: RunCounts;
  /** ms since 1970 UTC. */
  readonly begunMs: number;
  readonly endedMs: number | null;
}

/** Who works at a run. */
export interface Holder {
  readonly host: string;
  readonly pid: number;
  /** When it last said so, ms since 1970 UTC. */
  readonly atMs: number;
}

const RANGES_MAX = 10_000;
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** The run itself, as a change of the ledger. */
export function runRecord(run: Run): LedgerChange {
  return runChange(run.id, "", ENCODER.encode(JSON.stringify(run)));
}

/** A run that begins: it and its selection. */
export function beginChanges(run: Run, selection: OffsetSet): LedgerChange[] {
  const texts = [...selection.texts(RANGES_MAX)];
  return [runRecord(run), ...texts.map((text, i) => runChange(run.id, `selection/${i}`, ENCODER.encode(text)))];
}

/** A run that ends: what only its execution needed goes. */
export function endChanges(ledger: Ledger, run: Run): LedgerChange[] {
  // Who holds it says so beside the transactions: what we have read of the ledger may not have it.
  const parts = [...new Set([...ledger.run(run.id).keys(), "holder"])].filter((part) => part !== "");
  return [runRecord(run), ...parts.map((part) => runChange(run.id, part, null))];
}

/** Who holds a run, as a change. */
export const holderChange = (id: string, holder: Holder): LedgerChange =>
  runChange(id, "holder", ENCODER.encode(JSON.stringify(holder)));

/** All runs that the ledger knows, oldest first. */
export function runsOf(ledger: Ledger): Run[] {
  const runs = ledger.runIds().map((id) => parse(id, "", ledger.run(id).get("")!, isRun));
  return runs.sort((a, b) => a.begunMs - b.begunMs);
}

/** The run that is not finished: at most one. */
export function openRun(ledger: Ledger): Run | null {
  return runsOf(ledger).find(({ state }) => state === "open") ?? null;
}

/** What a run has chosen. Throws FatalError where the ledger has it no more. */
export function selectionOf(ledger: Ledger, { id, counts: { chosen } }: Run): OffsetSet {
  const selection = selectionLeft(ledger, id);
  if (selection.size === chosen) return selection;
  throw new FatalError(
    `Cannot go on with run ${id}: it has chosen ${chosen} letters, and the ledger says of ${selection.size} ` +
      "which. Somebody else writes to the topic; end the run by replay --abandon, and choose again",
  );
}

/** What the ledger still has of it: none where it makes no sense. */
export function selectionLeft(ledger: Ledger, id: string): OffsetSet {
  const parts = numbered(ledger, id, "selection/");
  try {
    return OffsetSet.parse(parts.map((bytes) => DECODER.decode(bytes)));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return new OffsetSet();
    throw error;
  }
}

/** Who holds a run; null: nobody. */
export function holderOf(ledger: Ledger, id: string): Holder | null {
  const bytes = ledger.run(id).get("holder");
  return bytes === undefined ? null : parse(id, "/holder", bytes, isHolder);
}

/** Bytes that are kept in pieces, as changes. */
export function pieceChanges(id: string, name: string, bytes: Uint8Array, bytesMax: number): LedgerChange[] {
  const changes: LedgerChange[] = [];
  for (let at = 0; at < bytes.length; at += bytesMax) {
    changes.push(runChange(id, `${name}/${changes.length}`, bytes.subarray(at, at + bytesMax)));
  }
  return changes;
}

/** Bytes that were kept in pieces; null: none. */
export function piecesOf(ledger: Ledger, id: string, name: string): Uint8Array | null {
  const parts = numbered(ledger, id, `${name}/`);
  if (parts.length === 0) return null;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Takes out what was kept in pieces. */
export function dropPieces(ledger: Ledger, id: string, name: string): LedgerChange[] {
  return [...ledger.run(id).keys()].filter((part) => part.startsWith(`${name}/`))
    .map((part) => runChange(id, part, null));
}

function numbered(ledger: Ledger, id: string, prefix: string): Uint8Array[] {
  return [...ledger.run(id)].filter(([part]) => part.startsWith(prefix))
    .map(([part, bytes]) => ({ number: Number(part.slice(prefix.length)), bytes }))
    .sort((a, b) => a.number - b.number).map(({ bytes }) => bytes);
}

function parse<T>(id: string, part: string, bytes: Uint8Array, is: (value: Partial<T>) => boolean): T {
  const value = jsonOf(bytes);
  if (value instanceof Object && is(value as Partial<T>)) return value as T;
  throw noSense(`run:${id}${part}`, bytes, part === "" ? "run" : "holder of a run");
}

function isRun({ id, state, target, fix, attemptsMax, connector, queueId, counts, begunMs }: Partial<Run>): boolean {
  const isKnown = typeof id === "string" && ["open", "done", "abandoned"].includes(String(state)) &&
    typeof target === "object" && typeof fix === "object" && typeof attemptsMax === "number" &&
    typeof counts === "object" && typeof begunMs === "number";
  // What is needed to go on need not be there of one that has ended.
  return isKnown && (state !== "open" || (typeof queueId === "string" && typeof connector === "string"));
}

function isHolder({ host, pid, atMs }: Partial<Holder>): boolean {
  return typeof host === "string" && typeof pid === "number" && typeof atMs === "number";
}
