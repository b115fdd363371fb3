import { assertEquals } from "@std/assert";
import { type DataType, Schema } from "apache-arrow";
import { types } from "../../api/mod.ts";
import { arrowText } from "./test_support.ts";
import { schemaDiff } from "./schema_diff.ts";

const describe = (type: DataType) => arrowText(type);

Deno.test("schemaDiff() names what is added, missing and of another type, whole structs once, by the policy", () => {
  const before = new Schema([
    types.field("id", types.int32()),
    types.field("gone", types.struct([types.field("a", types.utf8()), types.field("b", types.utf8())])),
    types.field("inner", types.struct([types.field("x", types.utf8())])),
    types.field("items", types.list(types.struct([types.field("n", types.int64())]))),
    types.field("ts_date", types.date()),
    types.field("_kafka_offset", types.int64()),
  ]);
  const rows = [
    types.field("ID", types.int64()),
    types.field("inner", types.struct([types.field("x", types.utf8()), types.field("y", types.utf8())])),
    types.field("items", types.list(types.struct([types.field("n", types.int64()), types.field("m", types.int64())]))),
    types.field("fresh", types.struct([types.field("c", types.utf8())])),
  ];
  const partitions = [{ values: { ts_date: "2026-01-01" }, rows: 1, files: 1, bytes: 1 }];
  const diff = schemaDiff({ before, partitions }, rows, { describe, evolution: "none" });
  assertEquals(diff, {
    added: ["inner.y: string", "items[].m: long", "fresh: struct"],
    missing: ["gone: struct"],
    changed: ["id: integer in the table, long in the records"],
    policy: "none",
    allowed: false,
  });
  assertEquals(schemaDiff({ before, partitions }, rows, { describe, evolution: "add" }).allowed, true);
});
