/**
 * What a sample says about columns: of times how many days there are, of texts how many different ones.
 *
 * @module
 */
import { type Field, Type } from "apache-arrow";
import type { SinkBatch } from "../../api/mod.ts";

/** A top-level column, by its rows in the sample. */
export interface ColumnStatistics {
  readonly rows: number;
  readonly nulls: number;
  /** Different values: days of a time, texts of a string. Counted up to `DISTINCT_MAX`. */
  readonly distinct: number;
}

/** Beyond it nobody partitions by the column. */
export const DISTINCT_MAX = 1_000;

const MS_PER_DAY = 86_400_000;

/** Whether a column holds instants or days. */
export function isTime({ type }: Field): boolean {
  return type.typeId === Type.Timestamp || type.typeId === Type.Date;
}

/** Counts batches of one topic. */
export class Statistics {
  readonly #columns = new Map<string, { rows: number; nulls: number; values: Set<unknown> }>();

  /** Of all batches, whatever columns they have. */
  rows = 0;

  add({ data, numRows }: SinkBatch): void {
    this.rows += numRows;
    data.schema.fields.forEach((field, i) => {
      const time = isTime(field);
      if (!time && field.type.typeId !== Type.Utf8) return;
      const known = this.#columns.get(field.name) ?? { rows: 0, nulls: 0, values: new Set() };
      this.#columns.set(field.name, known);
      const column = data.getChildAt(i)!;
      for (let row = 0; row < numRows; row++) {
        const value = known.values.size > DISTINCT_MAX && !column.nullCount ? 0 : column.get(row);
        if (value === null) known.nulls++;
        else if (known.values.size <= DISTINCT_MAX) {
          known.values.add(time ? Math.floor(Number(value) / MS_PER_DAY) : value);
        }
      }
      known.rows += numRows;
    });
  }

  of(name: string): ColumnStatistics | null {
    const known = this.#columns.get(name);
    return known ? { rows: known.rows, nulls: known.nulls, distinct: known.values.size } : null;
  }
}
