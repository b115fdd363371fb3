import { assertEquals } from "@std/assert";
import { BUILT_IN_PREDICATES, BUILT_IN_TRANSFORMS } from "./mod.ts";

/** As the `config()` of Kafka Connect's own (4.1) names them. */
const OPTIONS: Readonly<Record<string, string>> = {
  Cast: "replace.null.with.default spec",
  DropHeaders: "headers",
  ExtractField: "field field.syntax.version replace.null.with.default",
  Flatten: "delimiter",
  HeaderFrom: "fields headers operation replace.null.with.default",
  HoistField: "field",
  InsertField:
    "offset.field partition.field replace.null.with.default static.field static.value timestamp.field topic.field",
  InsertHeader: "header value.literal",
  MaskField: "fields replace.null.with.default replacement",
  RegexRouter: "regex replacement",
  ReplaceField: "exclude include renames replace.null.with.default",
  SetSchemaMetadata: "replace.null.with.default schema.name schema.version",
  TimestampConverter: "field format replace.null.with.default target.type unix.precision",
  TimestampRouter: "timestamp.format topic.format",
  ValueToKey: "fields replace.null.with.default",
  Filter: "",
  HasHeaderKey: "name",
  RecordIsTombstone: "",
  TopicNameMatches: "pattern",
};

Deno.test("BUILT_IN_TRANSFORMS and BUILT_IN_PREDICATES have each of Kafka Connect's, and take all of its options", () => {
  const ours = new Map([...BUILT_IN_TRANSFORMS, ...BUILT_IN_PREDICATES].map(({ name, options }) => [name, options]));
  const missing = Object.entries(OPTIONS).flatMap(([name, keys]) => {
    const options = ours.get(name);
    return options ? keys.split(" ").filter((key) => key !== "" && !(key in options)) : [name];
  });
  assertEquals(missing, []);
});
