import { assertEquals } from "@std/assert";
import type { ConfigProblem, HeaderConverterPlugin, RecordSide, TransformPlugin } from "../api/mod.ts";
import { option } from "../api/config_def.ts";
import { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } from "../transforms/mod.ts";
import { chooseHeaderConverter, chooseTransforms, pluginName } from "./choose_parts.ts";
import { INSTANCE_OPTIONS } from "./instance_options.ts";
import { parseKeys } from "./parse_config.ts";

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

Deno.test("chooseTransforms() takes the side from the type's name, and refuses a form that a transform lacks", () => {
  const plugin = (name: string, sides?: readonly RecordSide[]): TransformPlugin => ({
    name,
    options: {},
    sides,
    create: () => ({ apply: (batch) => batch }),
  });
  const transforms = [plugin("Both", ["key", "value"]), plugin("OfKeys", ["key"]), plugin("None")];
  const chosen = (type: string) => {
    const problems: ConfigProblem[] = [];
    const keys = new Map([["transforms.t.type", { value: type, source: "test", parts: [] }]]);
    const values = parseKeys(
      INSTANCE_OPTIONS,
      new Map([["transforms", { value: "t", source: "test", parts: [] }]]),
      "",
      [],
    );
    const steps = chooseTransforms(values, keys, "", { connectors: [], converters: [], transforms }, problems);
    return steps
      ? steps.map(({ plugin, side }) => `${plugin.name} ${side}`).join()
      : problems.map(({ why }) => why).join();
  };
  const given = ["Both", "Both$Key", "org.x.Both$Value", "OfKeys", "OfKeys$Value", "None", "None$Value", "None$Key"];
  assertEquals(given.map(chosen), [
    "Both value",
    "Both key",
    "Both value",
    "OfKeys key",
    "has no such form; use OfKeys$Key",
    "None value",
    "has no such form; use None",
    "has no such form; use None",
  ]);
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
