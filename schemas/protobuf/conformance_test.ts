import { type Values } from "../../mod.ts";
import { converterConformance } from "../../tests/conformance/converter.ts";
import { registryJson } from "../registry_fake.ts";
import { contextOf } from "../testing.ts";
import { protobufConverter } from "./mod.ts";

await protobufConverter.load!();

const SCHEMAS: Readonly<Record<string, string>> = {
  1: 'syntax = "proto3"; message A { int32 a = 1; }',
  2: 'syntax = "proto3"; message Other { message B { int64 a = 1; optional string b = 2; repeated double l = 3; } }',
};

/** A registry behind `fetch` that knows two schemas. */
const registry = ((input: string | URL | Request) => {
  const id = new URL(input instanceof Request ? input.url : input).pathname.split("/").at(-1)!;
  const schema = SCHEMAS[id];
  if (!schema) return Promise.resolve(registryJson(404, { error_code: 40403 }));
  return Promise.resolve(registryJson(200, { schema, schemaType: "PROTOBUF" }));
}) as typeof fetch;

const unhex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
/** The first message of schema 1, and [0, 0] of schema 2. */
const a = (payload: string) => unhex(`0000000001 00 ${payload}`);
const b = (payload: string) => unhex(`0000000002 04 00 00 ${payload}`);

converterConformance("protobuf", {
  make: () => {
    const declared = Object.entries(protobufConverter.options).map(([key, { default: value }]) => [key, value]);
    const config = { ...Object.fromEntries(declared), "schema.registry.url": ["http://registry"] };
    return Promise.resolve(
      protobufConverter.create(config as Values<typeof protobufConverter.options>, {
        ...contextOf(),
        fetch: registry,
      }),
    );
  },
  samples: [
    {
      good: [
        { bytes: a("08 01"), row: { a: 1 } },
        { bytes: a("08 ffffffffffffffffff01"), row: { a: -1 } },
        { bytes: a(""), row: { a: 0 } },
      ],
    },
    {
      good: [
        { bytes: b("08 03 12 01 7a"), row: { a: 3n, b: "z", l: [] } },
        { bytes: b("1a 08 000000000000e03f"), row: { a: 0n, b: null, l: [0.5] } },
      ],
    },
  ],
  bad: [
    unhex(""),
    unhex("7b7d"),
    unhex("0000000001"),
    a("08"),
    a("0d 00000000"),
    a("12 05 00"),
    b("12 01 ff"),
    unhex("0000000001 02 02"),
    unhex("0000000009 00"),
  ],
});
