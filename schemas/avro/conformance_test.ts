import { type Values } from "../../mod.ts";
import { converterConformance } from "../../tests/conformance/converter.ts";
import { contextOf } from "../testing.ts";
import { registryJson } from "../registry_fake.ts";
import { avroConverter } from "./mod.ts";
import { framed, unhex } from "./test_support.ts";

await avroConverter.load!();

const SCHEMAS: Readonly<Record<string, string>> = {
  1: '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}',
  2: '{"type":"record","name":"R","fields":[{"name":"a","type":"long"},{"name":"b","type":["null","string"]},' +
    '{"name":"l","type":{"type":"array","items":"double"}}]}',
};

/** A registry behind `fetch` that knows two schemas. */
const registry = ((input: string | URL | Request) => {
  const id = new URL(input instanceof Request ? input.url : input).pathname.split("/").at(-1)!;
  const schema = SCHEMAS[id];
  return Promise.resolve(schema ? registryJson(200, { schema }) : registryJson(404, { error_code: 40403 }));
}) as typeof fetch;

converterConformance("avro", {
  make: () => {
    const declared = Object.entries(avroConverter.options).map(([key, { default: value }]) => [key, value]);
    const config = { ...Object.fromEntries(declared), "schema.registry.url": ["http://registry"] };
    return Promise.resolve(
      avroConverter.create(config as Values<typeof avroConverter.options>, { ...contextOf(), fetch: registry }),
    );
  },
  samples: [
    {
      good: [
        { bytes: framed(1, unhex("02")), row: { a: 1 } },
        { bytes: framed(1, unhex("01")), row: { a: -1 } },
      ],
    },
    {
      good: [
        { bytes: framed(2, unhex("06 02 02 7a 00")), row: { a: 3n, b: "z", l: [] } },
        { bytes: framed(2, unhex("00 00 02 000000000000e03f 00")), row: { a: 0n, b: null, l: [0.5] } },
      ],
    },
  ],
  bad: [unhex(""), unhex("7b7d"), framed(1, unhex("")), framed(1, unhex("0200")), framed(9, unhex("02"))],
});
