/**
 * MaskField: fields lose what they say: 0, false, 1970, empty text, bytes, lists and maps, or a replacement for numbers and
 * text, with Kafka Connect's options. Nulls stay null.
 *
 * @module
 */
import { type Field, Type } from "apache-arrow";
import { type DataError, isNull, option, recordBatch, type TransformPlugin, types } from "../api/mod.ts";
import { type Constant, constantColumn } from "./constant_column.ts";
import { decimalOf, doubleOf, floatOf } from "./java_text.ts";
import { notEmpty, NULL_DEFAULTS } from "./shared_options.ts";
import { createSideTransform, fieldError } from "./side.ts";
import { validityOf } from "./validity.ts";

const OPTIONS = {
  "fields": option.list({ doc: "Top-level fields to mask.", importance: "high", check: notEmpty }),
  "replacement": option.optionalString({
    doc: "What numbers and text become instead; must fit the type of each field.",
    importance: "low",
  }),
  ...NULL_DEFAULTS,
};

const TEXT = new TextEncoder();

/** The transform of that name. */
export const maskField: TransformPlugin<typeof OPTIONS> = {
  name: "MaskField",
  options: OPTIONS,
  sides: ["key", "value"],
  create({ fields: names, replacement }, side) {
    return createSideTransform({
      name: "MaskField",
      side,
      plan(schema) {
        const masks = schema.fields.map((field) => names.includes(field.name) ? maskOf(field, replacement) : null);
        if (masks.every((mask) => mask === null)) return null;
        return ({ data, numRows }, _batch, reject) => {
          const columns = data.children.map((column, i) => {
            const mask = masks[i];
            if (mask === null) return column;
            if ("value" in mask) return constantColumn(column.type, mask.value, validityOf(column), numRows);
            for (let row = 0; row < numRows; row++) if (!isNull(column, row)) reject(row, mask.error);
            return column;
          });
          return recordBatch(schema, columns, numRows);
        };
      },
    });
  },
};

type Mask = { readonly value: Constant } | { readonly error: DataError };

function maskOf(field: Field, replacement: string | null): Mask {
  const { type } = field;
  if (types.isJson(field)) return { value: TEXT.encode(JSON.stringify(replacement ?? "")) };
  if (type.typeId === Type.Struct) return refused(field, "its fields can be masked once Flatten made them columns");
  if (replacement === null) return { value: null };
  const value = replacementOf(type, replacement);
  return value === null ? refused(field, "the replacement does not fit the type") : { value };
}

/** Null: the type cannot hold it. */
function replacementOf(type: Field["type"], text: string): Constant {
  switch (type.typeId) {
    case Type.Utf8:
      return TEXT.encode(text);
    case Type.Int: {
      const { bitWidth } = type as unknown as { bitWidth: number };
      const exact = decimalOf(text);
      if (exact === null) return null;
      const whole = exact.unscaled / 10n ** BigInt(exact.scale);
      if (BigInt.asIntN(bitWidth, whole) !== whole) return null;
      return bitWidth === 64 ? whole : Number(whole);
    }
    case Type.Float:
      return (type as unknown as { precision: number }).precision === 1 ? floatOf(text) : doubleOf(text);
    case Type.Decimal: {
      const { precision, scale } = type as unknown as { precision: number; scale: number };
      const exact = decimalOf(text);
      if (exact === null || exact.scale > scale) return null;
      const unscaled = exact.unscaled * 10n ** BigInt(scale - exact.scale);
      return (unscaled < 0n ? -unscaled : unscaled) < 10n ** BigInt(precision) ? unscaled : null;
    }
    default:
      return null;
  }
}

function refused({ name, type }: Field, why: string): Mask {
  return { error: fieldError(`Cannot mask ${name}, a ${type}: ${why}`, "cannot mask the type", name) };
}
