/**
 * The part of a format that is loaded where a configuration chooses it.
 *
 * @module
 */

/** Loaded once, however often it is asked for. */
export class Deferred<T> {
  #part: T | null = null;

  constructor(private readonly importPart: () => Promise<T>) {}

  /** Null before `load`. */
  get loaded(): T | null {
    return this.#part;
  }

  /** Throws before `load`: that is a bug of the caller. */
  get part(): T {
    if (this.#part === null) throw new Error("Cannot use a format before its load() has been awaited");
    return this.#part;
  }

  async load(): Promise<void> {
    this.#part ??= await this.importPart();
  }
}
