import { Schema } from "apache-arrow";
import { types } from "../../mod.ts";
import { converterConformance } from "../../tests/conformance/converter.ts";
import { converter } from "./test_support.ts";

const TEXT = new TextEncoder();
const { field } = types;

const SCHEMA = new Schema([
  field("id", types.int64()),
  field("name", types.utf8()),
  field("ok", types.boolean()),
  field("price", types.decimal(10, 2)),
  field("tags", types.list(types.utf8())),
  field("at", types.struct([field("lat", types.float64())])),
]);

const row = (json: string, values: Record<string, unknown>) => ({ bytes: TEXT.encode(json), row: values as never });

converterConformance("json", {
  make: () => Promise.resolve(converter(SCHEMA)),
  samples: [{
    good: [
      row('{"id":1,"name":"a","ok":true,"price":12.5,"tags":["x",null],"at":{"lat":0.5}}', {
        ...{ id: 1n, name: "a", ok: true, price: 1250n, tags: ["x", null], at: { lat: 0.5 } },
      }),
      row('{"name":"grün 🚀","id":-9223372036854775808}', {
        ...{ id: -(2n ** 63n), name: "grün 🚀", ok: null, price: null, tags: null, at: null },
      }),
      row("{}", { id: null, name: null, ok: null, price: null, tags: null, at: null }),
    ],
  }],
  bad: ["", "{", '{"id":"x"}', "[]", "nul", '{"id":1}}', '{"price":0.001}'].map((text) => TEXT.encode(text)),
});
