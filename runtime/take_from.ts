/**
 * Picks entries out of two columns of one type: what puts the parts of a batch together again.
 *
 * @module
 */
import { type Data, makeData, Type } from "apache-arrow";
import { FatalError, isNull } from "./api/mod.ts";

/** The entries at `picks`, in that order: `i` is entry i of `a`, the complement `~i` is entry i of `b`. */
export function takeFrom(a: Data, b: Data, picks: Int32Array): Data {
  const { type } = a;
  const { length } = picks;
  const make = (rest: object): Data => makeData({ type, length, ...validity(a, b, picks), ...rest } as never);
  switch (type.typeId) {
    case Type.Bool: {
      const bits = new Uint8Array((length + 7) >> 3);
      each(a, b, picks, ({ values, offset }, at, i) => {
        if (values[(offset + at) >> 3] & (1 << ((offset + at) & 7))) bits[i >> 3] |= 1 << (i & 7);
      });
      return make({ data: bits });
    }
    case Type.Int:
    case Type.Float:
    case Type.Date:
    case Type.Timestamp:
    case Type.Decimal: {
      const { stride } = a;
      const out = new (a.values.constructor as new (n: number) => typeof a.values)(length * stride);
      each(a, b, picks, ({ values }, at, i) => {
        for (let word = 0; word < stride; word++) out[i * stride + word] = values[at * stride + word];
      });
      return make({ data: out });
    }
    case Type.Utf8:
    case Type.Binary: {
      const valueOffsets = offsetsOf(a, b, picks);
      const bytes = new Uint8Array(valueOffsets[length]);
      each(a, b, picks, (of, at, i) => {
        bytes.set(of.values.subarray(of.valueOffsets[at], of.valueOffsets[at + 1]), valueOffsets[i]);
      });
      return make({ valueOffsets, data: bytes });
    }
    case Type.List:
    case Type.Map: {
      const valueOffsets = offsetsOf(a, b, picks);
      const inner = new Int32Array(valueOffsets[length]);
      each(a, b, picks, (of, at, i) => {
        for (let to = valueOffsets[i], from = of.valueOffsets[at]; to < valueOffsets[i + 1]; to++, from++) {
          inner[to] = of === a ? from : ~from;
        }
      });
      return make({ valueOffsets, child: takeFrom(a.children[0], b.children[0], inner) });
    }
    case Type.Struct:
      return make({ children: a.children.map((child, i) => takeFrom(child, b.children[i], picks)) });
    default:
      throw new FatalError(`Cannot pick rows of type ${type}: it is none of the framework's types`);
  }
}

function each(a: Data, b: Data, picks: Int32Array, visit: (of: Data, at: number, i: number) => void): void {
  for (let i = 0; i < picks.length; i++) {
    if (picks[i] < 0) visit(b, ~picks[i], i);
    else visit(a, picks[i], i);
  }
}

function offsetsOf(a: Data, b: Data, picks: Int32Array): Int32Array {
  const offsets = new Int32Array(picks.length + 1);
  each(a, b, picks, ({ valueOffsets }, at, i) => {
    offsets[i + 1] = offsets[i] + valueOffsets[at + 1] - valueOffsets[at];
  });
  return offsets;
}

function validity(a: Data, b: Data, picks: Int32Array): { nullCount: number; nullBitmap?: Uint8Array } {
  if (a.nullCount === 0 && b.nullCount === 0) return { nullCount: 0 };
  const nullBitmap = new Uint8Array((picks.length + 7) >> 3);
  let nullCount = 0;
  each(a, b, picks, (of, at, i) => {
    if (isNull(of, at)) nullCount++;
    else nullBitmap[i >> 3] |= 1 << (i & 7);
  });
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap };
}
