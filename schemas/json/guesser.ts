/**
 * Reads records by guessing that the next one looks like those before it: see `shape.ts` and `generate.ts`. What looks
 * different is for the complete parser, whose every success may teach another shape.
 *
 * @module
 */
import { generate, type Generated } from "./generate.ts";
import type { StructReader } from "./nested_readers.ts";
import type { Scanner } from "./scanner.ts";
import { isSame, loosened, merge, observe, type Shape } from "./shape.ts";

/** Shapes remembered at once. */
const SHAPES_MAX = 4;
/** So many more misses than hits, and guessing rests. */
const MISSES_MAX = 64;
/** Records that are not guessed at, at first; each further rest is twice as long. */
const REST_MIN = 256;
const REST_MAX = 1 << 16;
/** Hits until the next rest is a short one again. */
const HITS_MIN = 4_096;
/** Functions made between two rests, at most; half as many after each, down to 2. */
const FUNCTIONS_MAX = 16;
/** Times that a shape is merged before all its members count as optional. */
const MERGES_MAX = 3;

/** A shape and its function. */
interface Guess {
  shape: Shape;
  /** Behind the record. */
  readonly tail: string;
  generated: Generated;
  /** Records that it was right about, of late. */
  hits: number;
  /** How often the function was made. */
  made: number;
  /** Times that the shape was merged since. */
  merged: number;
}

/** Guesses for records of one struct. */
export class Guesser {
  #guesses: Guess[] = [];
  #current: Guess | null = null;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #bytes: Uint8Array | null = null;
  /** Misses less hits. */
  #score = 0;
  #hits = 0;
  #rest = 0;
  #nextRest = REST_MIN;
  #functions = FUNCTIONS_MAX;
  #functionsNext = FUNCTIONS_MAX / 2;

  constructor(readonly root: StructReader, readonly scan: Scanner) {}

  /**
   * Reads the value that the scanner was opened with into row `root.column.length`. False where it was not guessed: the
   * columns are as before and the scanner is opened again.
   */
  read(): boolean {
    if (this.#rest > 0) {
      if (--this.#rest > 0) return false;
      this.#score = 0;
      this.#functions = this.#functionsNext;
      this.#functionsNext = Math.max(2, this.#functionsNext >> 1);
    }
    const current = this.#current;
    if (current === null) return false;
    if (this.#bytes !== this.scan.bytes) this.#open(this.scan.bytes);
    if (this.#try(current)) {
      if (this.#score > 0) this.#score--;
      if (++this.#hits === HITS_MIN) this.#relax();
      return true;
    }
    return this.#tryOthers(current);
  }

  /** Learns from the scanner's record, which was not guessed, but was read. */
  learn(): void {
    if (this.#rest > 0) return;
    this.#hits = 0;
    if (++this.#score > MISSES_MAX) {
      this.#rest = this.#nextRest;
      this.#nextRest = Math.min(REST_MAX, 2 * this.#nextRest);
      return;
    }
    if (this.#functions <= 0) return;
    const { scan } = this;
    const { end } = scan;
    scan.open(scan.bytes, scan.start, end);
    if (scan.bytes[scan.pos] !== 0x7b) return;
    const shape = observe(scan, this.root);
    if (!shape) return;
    let tail = "";
    for (let at = scan.pos; at < end; at++) tail += String.fromCharCode(scan.bytes[at]);
    this.#learn(shape, tail);
  }

  /** Lets go of bytes: of the slab and of the columns. */
  release(): void {
    this.#bytes = null;
    this.#view = new DataView(new ArrayBuffer(0));
    for (const { generated } of this.#guesses) for (const target of generated.targets) target.release();
  }

  #open(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #try(guess: Guess): boolean {
    const { generated } = guess;
    const { root, scan } = this;
    const row = root.column.length;
    const { bytes, start, end } = scan;
    if (generated.read(bytes, this.#view, scan.pos, end, row)) {
      guess.hits++;
      return true;
    }
    root.column.truncate(row);
    root.forget();
    scan.open(bytes, start, end);
    return false;
  }

  #tryOthers(current: Guess): boolean {
    for (const guess of this.#guesses) {
      if (guess === current || !this.#try(guess)) continue;
      this.#current = guess;
      return true;
    }
    return false;
  }

  /** Guessing goes well: what it may cost is as at the beginning. */
  #relax(): void {
    this.#nextRest = REST_MIN;
    this.#functions = FUNCTIONS_MAX;
    this.#functionsNext = FUNCTIONS_MAX / 2;
  }

  #learn(shape: Shape, tail: string): void {
    for (const guess of this.#guesses) {
      if (guess.tail !== tail) continue;
      let merged = merge(guess.shape, shape);
      if (!merged) continue;
      if (guess.made >= MERGES_MAX) merged = loosened(merged);
      // A value in it was of another kind, or there is white space where there mostly is none.
      if (isSame(merged, guess.shape) && guess.merged === 0) return;
      guess.shape = merged;
      // The more often it changed, the more of it is seen before it is made again.
      if (++guess.merged < 1 << Math.max(0, guess.made - MERGES_MAX)) return;
      guess.generated = this.#generate(merged, tail);
      guess.made++;
      guess.merged = 0;
      return;
    }
    if (this.#guesses.length === SHAPES_MAX) this.#forgetOne();
    const guess: Guess = { shape, tail, generated: this.#generate(shape, tail), hits: 0, made: 1, merged: 0 };
    this.#guesses.push(guess);
    this.#current ??= guess;
  }

  /** Makes room for a guess in the place of the one that was right the least. */
  #forgetOne(): void {
    const guesses = this.#guesses;
    const least = Math.min(...guesses.map(({ hits }) => hits));
    const [gone] = guesses.splice(guesses.findIndex(({ hits }) => hits === least), 1);
    if (gone === this.#current) this.#current = guesses[0];
    for (const guess of guesses) guess.hits /= 2;
  }

  #generate(shape: Shape, tail: string): Generated {
    this.#functions--;
    return generate(this.root, shape, tail, this.scan);
  }
}
