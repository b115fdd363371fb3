/**
 * The budget for records that are set aside: a task that rejects nearly everything has another problem than its records.
 *
 * @module
 */

/** How much may be set aside. */
export interface BudgetOptions {
  /** Over this part of the window the budget is spent; 1: never. */
  readonly ratio: number;
  /** Records that it looks back over; it does not judge fewer. */
  readonly windowRecords: number;
}

const SLICES = 10;

/** Counts records and rejects over a sliding window, in slices: between one and 1.1 windows are remembered. */
export class RejectBudget {
  readonly #slices = [{ records: 0, rejects: 0 }];
  records = 0;
  rejects = 0;

  constructor(readonly options: BudgetOptions) {}

  note(records: number): void {
    const { windowRecords } = this.options;
    const last = this.#slices[this.#slices.length - 1];
    if (last.records >= windowRecords / SLICES) this.#slices.push({ records, rejects: 0 });
    else last.records += records;
    this.records += records;
    while (this.#slices.length > 1 && this.records - this.#slices[0].records >= windowRecords) {
      const old = this.#slices.shift()!;
      this.records -= old.records;
      this.rejects -= old.rejects;
    }
  }

  /** Counts a reject among the records noted last; true: the budget is spent. */
  reject(): boolean {
    this.#slices[this.#slices.length - 1].rejects++;
    this.rejects++;
    const { ratio, windowRecords } = this.options;
    return ratio < 1 && this.rejects > ratio * Math.max(windowRecords, this.records);
  }
}
