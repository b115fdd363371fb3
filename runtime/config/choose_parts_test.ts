import { assertEquals } from "@std/assert";
import type { ConfigProblem } from "../api/mod.ts";
import { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } from "../transforms/mod.ts";
import { choose, pluginName } from "./choose_parts.ts";

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
    why: "changes keys, which a sink has no columns of: transforms work on the value here; use " +
      "org.apache.kafka.connect.transforms.InsertField$Value",
  }]);
});
