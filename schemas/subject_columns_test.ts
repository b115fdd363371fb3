import { assertEquals } from "@std/assert";
import { columnsOfSubject } from "./subject_columns.ts";
import { startFakeRegistry } from "./registry_fake.ts";
import { contextOf, registeredConfig } from "./testing.ts";

Deno.test("columnsOfSubject() reads the columns of each format's schemas, with their references", async () => {
  const reference = (name: string) => [{ name, subject: name, version: 1 }];
  const registry = startFakeRegistry([
    {
      ...{ id: 1, subject: "a", version: 1, schemaType: "AVRO", references: [] },
      schema: '{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}',
    },
    {
      ...{ id: 2, subject: "j", version: 1, schemaType: "JSON", references: reference("part.json") },
      schema: '{"properties":{"n":{"$ref":"part.json"}},"required":["n"],"additionalProperties":true}',
    },
    {
      ...{ id: 3, subject: "part.json", version: 1, schemaType: "JSON", references: [] },
      schema: '{"type":"integer"}',
    },
    {
      ...{ id: 4, subject: "p", version: 1, schemaType: "PROTOBUF", references: reference("part.proto") },
      schema:
        'syntax = "proto3"; import "part.proto"; message First { Part part = 1; } message Second { int32 n = 1; }',
    },
    {
      ...{ id: 5, subject: "part.proto", version: 1, schemaType: "PROTOBUF", references: [] },
      schema: 'syntax = "proto3"; message Part { int64 n = 1; }',
    },
  ]);
  try {
    const columns = async (subject: string) => {
      const config = registeredConfig(registry.url);
      const schema = await columnsOfSubject({ config, subject, version: "latest" }, contextOf());
      return schema.fields.map(({ name, type, nullable }) => `${name}: ${type}${nullable ? "" : "!"}`);
    };
    assertEquals(await columns("a"), ["n: Int64!"]);
    assertEquals(await columns("p"), ["part: Struct<{n:Int64}>"]);
    assertEquals(await columns("j"), ["n: Int64!", "_additional_properties: Utf8"]);
  } finally {
    await registry.stop();
  }
});
