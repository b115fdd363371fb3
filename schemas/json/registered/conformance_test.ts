import { converterConformance } from "../../../tests/conformance/converter.ts";
import { registryJson } from "../../registry_fake.ts";
import { contextOf } from "../../testing.ts";
import { jsonSchemaConverter } from "./mod.ts";
import { config, framed } from "./test_support.ts";

const SCHEMAS: Readonly<Record<string, unknown>> = {
  1: {
    type: "object",
    properties: {
      id: { type: "integer" },
      name: { type: "string", maxLength: 20 },
      tags: { type: "array", items: { type: ["string", "null"] } },
      at: { type: "object", properties: { lat: { type: "number" } }, additionalProperties: true },
      rest: {},
    },
    required: ["id"],
  },
  2: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    properties: {
      pay: { oneOf: [{ $ref: "#/$defs/card" }, { $ref: "#/$defs/cash" }, { type: "string" }] },
      counts: { additionalProperties: { type: "integer" } },
    },
    $defs: {
      card: { type: "object", required: ["no"], properties: { no: { type: "string" } } },
      cash: { type: "object", required: ["eur"], properties: { eur: { type: "number" } } },
    },
  },
};

/** A registry behind `fetch`. */
const registry = ((input: string | URL | Request) => {
  const id = new URL(input instanceof Request ? input.url : input).pathname.split("/").at(-1)!;
  const schema = SCHEMAS[id];
  const body = { schema: JSON.stringify(schema), schemaType: "JSON" };
  return Promise.resolve(schema ? registryJson(200, body) : registryJson(404, { error_code: 40403 }));
}) as typeof fetch;

const row = (id: number, json: string, values: Record<string, unknown>) => ({
  bytes: framed(id, json),
  row: values as never,
});

converterConformance("json-schema", {
  make: () => {
    const context = { ...contextOf(), fetch: registry };
    return Promise.resolve(
      jsonSchemaConverter.create(config({ "schema.registry.url": ["http://registry"] }), context),
    );
  },
  samples: [
    {
      good: [
        row(1, '{"id":9223372036854775807,"name":"grün","tags":["x",null],"at":{"lat":0.5,"z":[1]},"rest":[1]}', {
          ...{ id: 2n ** 63n - 1n, name: "grün", tags: ["x", null], rest: "[1]" },
          at: { lat: 0.5, _additional_properties: '{"z":[1]}' },
        }),
        row(1, '{"id":-1}', { id: -1n, name: null, tags: null, at: null, rest: null }),
      ],
    },
    {
      good: [
        row(2, '{"pay":{"eur":1.5},"counts":{"a":1}}', {
          pay: { card: null, cash: { eur: 1.5 }, string: null },
          counts: [["a", 1n]],
        }),
        row(2, '{"pay":"x"}', { pay: { card: null, cash: null, string: "x" }, counts: null }),
      ],
    },
  ],
  bad: [
    ...["", "{", "{}", "[]", '{"id":"x"}', '{"id":1.5}', '{"id":1}}', '{"id":1,"name":"123456789012345678901"}']
      .map((json) => framed(1, json)),
    framed(2, '{"pay":{"eur":1,"no":"x"}}'),
    framed(9, "{}"),
    new TextEncoder().encode('{"id":1}'),
  ],
});
