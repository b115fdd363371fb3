/**
 * For the tests of this folder and of `onboard`.
 *
 * @module
 */
import { type DataType, type Field, Type } from "apache-arrow";
import { types } from "../../api/mod.ts";

/** A type as tables say it, as far as these tests need it. */
export function arrowText(type: DataType): string {
  const children = (type.children ?? []) as Field[];
  if (type.typeId === Type.Struct) return `struct<${children.map(({ name }) => name)}>`;
  if (type.typeId === Type.List) return `array<${arrowText(children[0].type)}>`;
  const found = Object.entries(types.PRIMITIVES).find(([, make]) => String(make()) === String(type));
  return found ? found[0] : String(type);
}
