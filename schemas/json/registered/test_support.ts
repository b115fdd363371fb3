/**
 * What the tests of this folder share.
 *
 * @module
 */
import { type Field, Type } from "apache-arrow";
import type { Converter, Values } from "../../../mod.ts";
import { contextOf } from "../../testing.ts";
import { jsonSchemaConverter, type jsonSchemaOptions } from "./mod.ts";

await jsonSchemaConverter.load!();

/** A value as `JSON.parse` gives it. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** The converter's options, those given over the defaults. */
export function config(given: Readonly<Record<string, unknown>> = {}): Values<typeof jsonSchemaOptions> {
  const defaults = Object.entries(jsonSchemaConverter.options).map(([key, { default: value }]) => [key, value]);
  return { ...Object.fromEntries(defaults), ...given } as Values<typeof jsonSchemaOptions>;
}

/** A converter of bare JSON by a schema. */
export function converter(
  schema: Json,
  given: Readonly<Record<string, unknown>> = {},
  jsonPaths: readonly string[] = [],
): Converter {
  const text = JSON.stringify(schema);
  return jsonSchemaConverter.create(config({ "value.schema": text, ...given }), contextOf(() => null, jsonPaths));
}

/** A field as text: `name: type`, an exclamation mark where it is required, `json` for JSON text. */
export function describe({ name, type, nullable, metadata }: Field): string {
  const held = metadata.has("sluice.json") ? "json" : typeText(type);
  return `${name}: ${held}${nullable ? "" : "!"}`;
}

function typeText(type: Field["type"]): string {
  const children = (type.children ?? []) as Field[];
  switch (type.typeId) {
    case Type.Struct:
      return `{${children.map(describe).join(", ")}}`;
    case Type.List:
      return `[${describe(children[0]).slice("element: ".length)}]`;
    case Type.Map:
      return `map<${describe((children[0].type.children as Field[])[1]).slice("value: ".length)}>`;
    default:
      return `${type}`;
  }
}

/** JSON behind a schema's id. */
export function framed(id: number, json: string): Uint8Array {
  const payload = new TextEncoder().encode(json);
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setInt32(1, id);
  bytes.set(payload, 5);
  return bytes;
}
