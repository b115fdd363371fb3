/**
 * Letters by what is wrong with them: stage, reason, schema id and field path. Groups aggregate while letters stream by.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { FatalError } from "../api/mod.ts";
import { footprintOf } from "./batches.ts";
import { type Letter, type LetterState, letterTimeMs, type Place } from "./letter.ts";

/** What the letters of a group share. */
export interface GroupTuple {
  readonly stage: string;
  readonly reason: string;
  readonly schemaId: number | null;
  readonly fieldPath: string | null;
}

/** A letter's time and place. */
export interface Sighting {
  /** `letterTimeMs`. */
  readonly timeMs: number;
  readonly at: Place;
  readonly origin: Place | null;
}

/** A letter, and what it says. */
export interface GroupSample extends Sighting {
  readonly message: string;
}

/** Letters with the same tuple. */
export interface LetterGroup extends GroupTuple {
  /** `GROUP_ID_DIGITS` hex digits of a hash of the tuple: the same in every run. */
  readonly id: string;
  readonly counts: Readonly<Record<LetterState, number>>;
  /** Bytes of keys and values. */
  readonly bytes: number;
  /** By their times. */
  readonly first: Sighting;
  readonly last: Sighting;
  /** Letters by the topic that their records came from; empty: unknown. */
  readonly topics: ReadonlyMap<string, number>;
  /** Of different messages, as long as there are some. */
  readonly samples: readonly GroupSample[];
  /** Open letters to try things with: from the beginning and from the end. */
  readonly letters: readonly Letter[];
}

const GROUP_ID_DIGITS = 8;
const SAMPLES_MAX = 3;
const SAMPLE_TEXT_MAX = 600;
/** Letters kept at the beginning, and as many at the end. */
const LETTERS_HALF = 10;
/** A letter over this is kept only where it is the first of its group. */
const LETTER_BYTES_MAX = 64 * 1024;
/** Of all groups together: where they are many, or their letters large, later ones keep fewer, or none. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;

/** Whether a text is a whole id of a group: what it begins with need not be looked up. */
export function isGroupId(text: string): boolean {
  return text.length === GROUP_ID_DIGITS && /^[0-9a-f]+$/.test(text);
}

/** The id of a letter's group. */
export function groupId({ stage, reason, schemaId, fieldPath }: GroupTuple): string {
  const tuple = JSON.stringify([stage, reason, schemaId, fieldPath]);
  let id = IDS.get(tuple);
  if (id === undefined) {
    id = createHash("sha256").update(tuple).digest("hex").slice(0, GROUP_ID_DIGITS);
    if (IDS.size < IDS_MAX && tuple.length < TUPLE_KEPT_MAX) IDS.set(tuple, id);
  }
  return id;
}

/** Most letters are of few groups. */
const IDS = new Map<string, string>();
const IDS_MAX = 10_000;
const TUPLE_KEPT_MAX = 1_000;

/** Takes letters, each once, in any order of partitions. */
export class Groups {
  readonly #groups = new Map<string, GroupInTheMaking>();
  readonly #room: Room = { bytes: KEPT_BYTES_MAX };

  add(letter: Letter, state: LetterState): void {
    const id = groupId(letter);
    let group = this.#groups.get(id);
    if (!group) this.#groups.set(id, group = new GroupInTheMaking(id, letter, this.#room));
    group.add(letter, state);
  }

  /** Those with most open letters first, then by id. */
  all(): readonly LetterGroup[] {
    const total = ({ counts }: LetterGroup) => Object.values(counts).reduce((sum, count) => sum + count, 0);
    return [...this.#groups.values()].sort((a, b) =>
      b.counts.open - a.counts.open || total(b) - total(a) || (a.id < b.id ? -1 : 1)
    );
  }
}

/** The full id that a prefix stands for. Throws FatalError where it stands for none or for several. */
export function resolveGroupId(prefix: string, ids: Iterable<string>): string {
  const all = [...new Set(ids)].sort();
  const found = all.filter((id) => id.startsWith(prefix.toLowerCase()));
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    throw new FatalError(`Cannot tell which group "${prefix}" is: ${found.join(", ")} begin with it; give more digits`);
  }
  const near = all.filter((id) => distance(id, prefix.toLowerCase()) <= 2);
  const which = near.length > 0
    ? `did you mean ${near.slice(0, 3).join(" or ")}?`
    : all.length === 0
    ? "the queue holds no letters that match"
    : `there are ${all.slice(0, 10).join(", ")}${all.length > 10 ? ", ..." : ""}`;
  throw new FatalError(`Cannot find group "${prefix}": ${which} "deno task dlq groups" lists them`);
}

/** What may still be kept. */
interface Room {
  bytes: number;
}

class GroupInTheMaking implements LetterGroup {
  readonly stage: string;
  readonly reason: string;
  readonly schemaId: number | null;
  readonly fieldPath: string | null;
  readonly counts: Record<LetterState, number> = { open: 0, replayed: 0, resolved: 0, quarantined: 0 };
  readonly topics = new Map<string, number>();
  readonly samples: GroupSample[] = [];
  bytes = 0;
  first: Sighting;
  last: Sighting;
  readonly #head: Letter[] = [];
  readonly #tail: Letter[] = [];

  constructor(readonly id: string, letter: Letter, private readonly room: Room) {
    ({ stage: this.stage, reason: this.reason, schemaId: this.schemaId, fieldPath: this.fieldPath } = letter);
    this.first = this.last = sightingOf(letter);
  }

  get letters(): readonly Letter[] {
    return [...this.#head, ...this.#tail];
  }

  add(letter: Letter, state: LetterState): void {
    this.counts[state]++;
    this.bytes += sizeOf(letter);
    const topic = letter.origin?.topic ?? "";
    this.topics.set(topic, (this.topics.get(topic) ?? 0) + 1);
    const timeMs = letterTimeMs(letter);
    if (timeMs < this.first.timeMs) this.first = sightingOf(letter);
    if (timeMs >= this.last.timeMs) this.last = sightingOf(letter);
    this.#sample(letter);
    if (state === "open") this.#keep(letter);
  }

  #sample(letter: Letter): void {
    if (this.samples.length >= SAMPLES_MAX) return;
    const message = shortened(letter.message);
    if (this.samples.some((sample) => sample.message === message)) return;
    this.samples.push({ ...sightingOf(letter), message });
  }

  #keep(letter: Letter): void {
    const bytes = footprintOf(letter);
    if ((this.#head.length > 0 && bytes > LETTER_BYTES_MAX) || bytes > this.room.bytes) return;
    this.room.bytes -= bytes;
    if (this.#head.length < LETTERS_HALF) return void this.#head.push(letter);
    this.#tail.push(letter);
    if (this.#tail.length > LETTERS_HALF) this.room.bytes += footprintOf(this.#tail.shift()!);
  }
}

/** Bytes of a letter's key and value. */
export function sizeOf({ key, value }: Letter): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}

function sightingOf(letter: Letter): Sighting {
  const { at, origin } = letter;
  return { timeMs: letterTimeMs(letter), at, origin };
}

function shortened(text: string): string {
  // A part of a string keeps the whole of it in memory; a copy does not.
  return text.length <= SAMPLE_TEXT_MAX ? text : JSON.parse(JSON.stringify(`${text.slice(0, SAMPLE_TEXT_MAX)}...`));
}

/** Digits that differ, and those that are missing. */
function distance(a: string, b: string): number {
  let differing = Math.abs(a.length - b.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) differing++;
  return differing;
}
