/**
 * A set of offsets, partition by partition, as ranges: what a run has chosen.
 *
 * @module
 */

/** Offsets `[from, to)`. */
export type Range = readonly [from: bigint, to: bigint];

/** Text of ranges: `5+4,3` are 5 to 8 and 12; numbers after the first are counted from the end before. */
const ENTRY = /^(\d+)(?:\+(\d+))?$/;

/** See the module's doc. */
export class OffsetSet {
  readonly #partitions = new Map<number, Range[]>();
  #size = 0;

  /** How many offsets. */
  get size(): number {
    return this.#size;
  }

  /** The partitions that have any, ascending. */
  get partitions(): number[] {
    return [...this.#partitions.keys()].sort((a, b) => a - b);
  }

  /** A partition's, ascending and apart. */
  ranges(partition: number): readonly Range[] {
    return this.#partitions.get(partition) ?? [];
  }

  /** Adds an offset, higher than all of its partition. */
  add(partition: number, offset: bigint): void {
    this.addRange(partition, [offset, offset + 1n]);
  }

  /** Adds a range that begins where the last one of its partition ends, or later. */
  addRange(partition: number, [from, to]: Range): void {
    const ranges = this.#partitions.get(partition) ?? [];
    this.#partitions.set(partition, ranges);
    const last = ranges.at(-1);
    if (from >= to || (last && from < last[1])) {
      throw new RangeError(
        `Cannot add [${from}, ${to}) of partition ${partition}: it stands at ${last?.[1] ?? "none"}`,
      );
    }
    if (last?.[1] === from) ranges[ranges.length - 1] = [last[0], to];
    else ranges.push([from, to]);
    this.#size += Number(to - from);
  }

  has(partition: number, offset: bigint): boolean {
    const ranges = this.ranges(partition);
    let low = 0, high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ranges[middle][1] <= offset) low = middle + 1;
      else high = middle;
    }
    return low < ranges.length && ranges[low][0] <= offset;
  }

  /** From its first offset to the one after its last; null where there is none of the partition. */
  span(partition: number): Range | null {
    const ranges = this.ranges(partition);
    return ranges.length === 0 ? null : [ranges[0][0], ranges[ranges.length - 1][1]];
  }

  /** As pieces of text of at most `rangesMax` ranges each, for `OffsetSet.parse`. */
  *texts(rangesMax: number): Generator<string> {
    for (const partition of this.partitions) {
      const ranges = this.ranges(partition);
      for (let at = 0; at < ranges.length; at += rangesMax) {
        let before = 0n;
        const parts = ranges.slice(at, at + rangesMax).map(([from, to]) => {
          const part = to - from === 1n ? `${from - before}` : `${from - before}+${to - from}`;
          before = to;
          return part;
        });
        yield `${partition}:${parts.join(",")}`;
      }
    }
  }

  /** What `texts` gave, in its order. Throws SyntaxError. */
  static parse(texts: Iterable<string>): OffsetSet {
    const set = new OffsetSet();
    for (const text of texts) {
      const [partition, list = ""] = text.split(":");
      let before = 0n;
      for (const part of list.split(",")) {
        const match = ENTRY.exec(part);
        if (!match || !/^\d+$/.test(partition)) throw new SyntaxError(`Cannot read "${text.slice(0, 80)}" as offsets`);
        const from = before + BigInt(match[1]);
        before = from + BigInt(match[2] ?? 1);
        set.addRange(Number(partition), [from, before]);
      }
    }
    return set;
  }
}
