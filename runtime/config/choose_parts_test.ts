import { assertEquals } from "@std/assert";
import type { ConfigProblem, HeaderConverterPlugin } from "../api/mod.ts";
import { option } from "../api/config_def.ts";
import { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } from "../transforms/mod.ts";
import { choose, chooseHeaderConverter, pluginName } from "./choose_parts.ts";

const TRANSFORMS = BUILT_IN_TRANSFORMS.map(({ name }) => name);
const PREDICATES = BUILT_IN_PREDICATES.map(({ name }) => name);

Deno.test("pluginName() knows Connect's classes of transforms and predicates, with and without the package", () => {
  const java = "org.apache.kafka.connect.transforms.";
  for (const name of TRANSFORMS) {
    for (const given of [name, `${name}$Value`, `${java}${name}$Value`, java + name]) {
      assertEquals(pluginName(given, TRANSFORMS), name);
    }
  }
  for (const name of PREDICATES) {
    for (const given of [name, `${java}predicates.${name}`]) assertEquals(pluginName(given, PREDICATES), name);
  }
});

Deno.test("pluginName() knows Connect's classes of connectors and converters", () => {
  const known = ["delta-sink", "avro", "json", "bytes", "string"];
  const given = [
    "org.x.DeltaSinkConnector",
    "io.confluent.connect.avro.AvroConverter",
    "org.apache.kafka.connect.converters.ByteArrayConverter",
    "org.apache.kafka.connect.storage.StringConverter",
    "org.x.Other",
  ];
  assertEquals(given.map((name) => pluginName(name, known)), ["delta-sink", "avro", "bytes", "string", "org.x.Other"]);
});

Deno.test("choose() refuses the $Key form of a transform and names the form that there is", () => {
  const problems: ConfigProblem[] = [];
  const value = "org.apache.kafka.connect.transforms.InsertField$Key";
  const keys = new Map([["type", { value, source: "test", parts: [] }]]);
  assertEquals(choose("type", keys, BUILT_IN_TRANSFORMS, "transforms.t.", problems), null);
  assertEquals(problems, [{
    key: "transforms.t.type",
    value,
    why: "changes keys: transforms work on the value here; use " +
      "org.apache.kafka.connect.transforms.InsertField$Value",
  }]);
});

Deno.test("chooseHeaderConverter() takes Connect's classes and its own options only", () => {
  const plugin = (name: string, options = {}): HeaderConverterPlugin => ({
    name,
    options,
    create: () => ({ isText: true, convert: (value) => value }),
  });
  const encoding = { "converter.encoding": option.string({ doc: "", default: "UTF-8" }) };
  const headerConverters = [plugin("simple"), plugin("string", encoding)];
  const chosen = (given: Record<string, string>) => {
    const problems: ConfigProblem[] = [];
    const keys = new Map(Object.entries(given).map(([key, value]) => [key, { value, source: "test", parts: [] }]));
    const found = chooseHeaderConverter(
      keys,
      { connectors: [], converters: [], transforms: [], headerConverters },
      "",
      problems,
    );
    return [found?.plugin.name, found?.config, problems.map(({ key }) => key)];
  };
  const java = "org.apache.kafka.connect.storage.";
  assertEquals(chosen({}), ["simple", {}, []]);
  assertEquals(chosen({ "header.converter": `${java}SimpleHeaderConverter` }), ["simple", {}, []]);
  assertEquals(
    chosen({ "header.converter": `${java}StringConverter`, "header.converter.converter.encoding": "US-ASCII" }),
    ["string", { "converter.encoding": "US-ASCII" }, []],
  );
  assertEquals(chosen({ "header.converter": "nobody" }), [undefined, undefined, ["header.converter"]]);
  assertEquals(chosen({ "header.converter.converter.encoding": "x" })[2], ["header.converter.converter.encoding"]);
});
