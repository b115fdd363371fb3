/**
 * What happened lately, the way Kafka's own metrics see it: two samples of 30 s each, so that a figure covers the last 30 to
 * 60 s (`metrics.num.samples`, `metrics.sample.window.ms`).
 *
 * @module
 */

const SAMPLES = 2;
const WINDOW_MS = 30_000;

interface Lately {
  readonly count: number;
  readonly sum: number;
  readonly max: number;
  readonly sinceMs: number;
}

interface Sample {
  readonly startMs: number;
  count: number;
  sum: number;
  max: number;
}

/** Notes values; all times are monotonic. Where nothing was noted lately every figure is 0. */
export class Sampled {
  /** Oldest first. */
  #samples: Sample[] = [];

  /** `sum` of `count` values, none above `max`. */
  note(sum: number, nowMs: number, count = 1, max = sum): void {
    if (count === 0) return;
    const last = this.#samples.at(-1);
    const isOpen = last !== undefined && nowMs - last.startMs < WINDOW_MS;
    const sample = isOpen ? last : { startMs: nowMs, count: 0, sum: 0, max: 0 };
    if (!isOpen) {
      this.#drop(nowMs);
      this.#samples.push(sample);
    }
    sample.count += count;
    sample.sum += sum;
    sample.max = Math.max(sample.max, max);
  }

  /** What went on from `sinceMs` until now: of a time longer than a sample only the last part is lately. */
  noteSpan(sum: number, sinceMs: number, nowMs: number): void {
    this.note(sum * Math.min(1, WINDOW_MS / Math.max(1, nowMs - sinceMs)), nowMs);
  }

  avg(nowMs: number): number {
    const { count, sum } = this.#lately(nowMs);
    return count === 0 ? 0 : sum / count;
  }

  /** Of notes that are 1 or 0: the part of them that is `value`. */
  share(value: 0 | 1, nowMs: number): number {
    const { count, sum } = this.#lately(nowMs);
    if (count === 0) return 0;
    return (value === 1 ? sum : count - sum) / count;
  }

  max(nowMs: number): number {
    return this.#lately(nowMs).max;
  }

  /** Of the sum. As in Kafka, a time shorter than a sample counts as one: a rate begins low. */
  perSecond(nowMs: number): number {
    const { sum, sinceMs } = this.#lately(nowMs);
    return sum / Math.max(nowMs - sinceMs, (SAMPLES - 1) * WINDOW_MS) * 1000;
  }

  #lately(nowMs: number): Lately {
    this.#drop(nowMs);
    return {
      count: this.#samples.reduce((total, { count }) => total + count, 0),
      sum: this.#samples.reduce((total, { sum }) => total + sum, 0),
      max: this.#samples.reduce((most, { max }) => Math.max(most, max), 0),
      sinceMs: this.#samples[0]?.startMs ?? nowMs,
    };
  }

  #drop(nowMs: number): void {
    this.#samples = this.#samples.filter(({ startMs }) => nowMs - startMs < SAMPLES * WINDOW_MS);
  }
}
