/**
 * Nested columns as the JavaScript values that hyparquet-writer takes: structs as objects, lists as arrays, maps as
 * arrays of `{ key, value }`. Slow next to flat columns (an object an entry), and the only place that makes objects.
 *
 * @module
 */
import { type Data, Type } from "apache-arrow";
import { childFields, validityOf } from "./arrow_data.ts";
import { decimalAt } from "./extent.ts";

/** The entries of a column, null for null: 64 bit integers, timestamps and decimals (unscaled) as bigints. */
export function nestedValues(data: Data): unknown[] {
  const out = entriesOf(data);
  const bits = validityOf(data);
  if (bits !== null) {
    for (let i = 0; i < data.length; i++) {
      const at = data.offset + i;
      if ((bits[at >> 3] & (1 << (at & 7))) === 0) out[i] = null;
    }
  }
  return out;
}

function entriesOf(data: Data): unknown[] {
  const { length, values, valueOffsets } = data;
  const each = (make: (index: number) => unknown): unknown[] => Array.from({ length }, (_, i) => make(i));
  switch (data.type.typeId) {
    case Type.Bool:
      return each((i) => (values[(data.offset + i) >> 3] & (1 << ((data.offset + i) & 7))) !== 0);
    case Type.Decimal:
      return each((i) => decimalAt(values as Uint32Array, i));
    case Type.Utf8:
    case Type.Binary:
      return each((i) => (values as Uint8Array).subarray(valueOffsets[i], valueOffsets[i + 1]));
    case Type.Struct: {
      const names = childFields(data.type).map(({ name }) => name);
      const columns = data.children.map(nestedValues);
      return each((i) => {
        // Without a prototype any name is a plain property.
        const row = Object.create(null) as Record<string, unknown>;
        for (let c = 0; c < names.length; c++) row[names[c]] = columns[c][i];
        return row;
      });
    }
    case Type.List: {
      const elements = nestedValues(data.children[0]);
      return each((i) => elements.slice(valueOffsets[i], valueOffsets[i + 1]));
    }
    case Type.Map: {
      const [keys, entries] = data.children[0].children.map(nestedValues);
      return each((i) => {
        const row: { key: unknown; value: unknown }[] = [];
        for (let at = valueOffsets[i]; at < valueOffsets[i + 1]; at++) row.push({ key: keys[at], value: entries[at] });
        return row;
      });
    }
    default:
      return each((i) => values[i]);
  }
}
