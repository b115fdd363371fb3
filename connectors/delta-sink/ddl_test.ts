import { assertEquals, assertThrows } from "@std/assert";
import { Schema } from "apache-arrow";
import { ConfigError, types } from "../../mod.ts";
import { ddlOfColumns, ddlOfTable } from "./ddl.ts";
import { openStorage } from "./storage/open.ts";

const COLUMNS = new Schema([
  types.field("id", types.int64()),
  types.field("select", types.decimal(38, 18)),
  types.field('tick`quote"', types.localTimestamp()),
  types.field("at", types.timestamp()),
  types.field(
    "deep",
    types.struct([
      types.field("list", types.list(types.struct([types.field("n", types.int8())]))),
      types.field("map", types.map(types.utf8(), types.list(types.float32()))),
    ]),
  ),
  types.field("day", types.date()),
]);
const TABLE = { uri: "s3://lake/it's/orders/", columns: COLUMNS, partitionColumns: ["day"] };

Deno.test("ddlOfColumns() declares a table to Spark with its types, partition columns, and names in quotes", () => {
  assertEquals(
    ddlOfColumns(TABLE, { engine: "spark", name: "lake.raw.or`ders" }),
    `\
-- Databricks and EMR take s3:// as it is
-- TIMESTAMP_NTZ: Spark 3.4 or newer
CREATE TABLE IF NOT EXISTS \`lake\`.\`raw\`.\`or\`\`ders\` (
  \`id\` BIGINT,
  \`select\` DECIMAL(38,18),
  \`tick\`\`quote"\` TIMESTAMP_NTZ,
  \`at\` TIMESTAMP,
  \`deep\` STRUCT<\`list\`: ARRAY<STRUCT<\`n\`: TINYINT>>, \`map\`: MAP<STRING, ARRAY<FLOAT>>>,
  \`day\` DATE
) USING DELTA
PARTITIONED BY (\`day\`)
LOCATION 's3a://lake/it\\'s/orders';`,
  );
});

Deno.test("ddlOfColumns() declares a table to Trino", () => {
  assertEquals(
    ddlOfColumns(TABLE, { engine: "trino", name: null }),
    `\
CREATE TABLE IF NOT EXISTS "delta"."default"."orders" (
  "id" BIGINT,
  "select" DECIMAL(38,18),
  "tick\`quote""" TIMESTAMP(6),
  "at" TIMESTAMP(3) WITH TIME ZONE,
  "deep" ROW("list" ARRAY(ROW("n" TINYINT)), "map" MAP(VARCHAR, ARRAY(REAL))),
  "day" DATE
) WITH (
  location = 's3://lake/it''s/orders',
  partitioned_by = ARRAY['day']
);`,
  );
});

Deno.test("ddlOfTable() names a table that is there, with its columns as comments; null where there is none", async () => {
  const uri = `memory://${crypto.randomUUID()}/orders`;
  assertEquals(await ddlOfTable(uri, { engine: "spark", name: null }), null);
  const field = (name: string, type: unknown, nullable = true) => ({ name, type, nullable, metadata: {} });
  const fields = [field("id", "long", false), field("two\nlines", "variant")];
  const metaData = {
    ...{ id: "t", format: { provider: "parquet", options: {} }, partitionColumns: ["id"], configuration: {} },
    ...{ createdTime: 0, schemaString: JSON.stringify({ type: "struct", fields }) },
  };
  const actions = [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];
  const log = new TextEncoder().encode(actions.map((action) => JSON.stringify(action)).join("\n"));
  await openStorage(uri).putIfAbsent(`_delta_log/${"0".repeat(20)}.json`, log);
  assertEquals(
    await ddlOfTable(uri, { engine: "spark", name: "a.b" }),
    `\
-- ${uri}, version 0
--   \`id\` BIGINT NOT NULL
--   \`two lines\` VARIANT
-- partitioned by \`id\`
CREATE TABLE IF NOT EXISTS \`a\`.\`b\` USING DELTA LOCATION '${uri}';`,
  );
  const trino = await ddlOfTable(uri, { engine: "trino", name: "b.c" });
  assertEquals(trino?.split("\n").slice(-5), [
    ...['CALL "delta".system.register_table(', "  schema_name => 'b',", "  table_name => 'c',"],
    ...[`  table_location => '${uri}'`, ");"],
  ]);
});

Deno.test("ddlOfColumns() refuses names with more parts than a catalogue has", () => {
  for (const name of ["a.b.c.d", "a..b", ""]) {
    assertThrows(() => ddlOfColumns(TABLE, { engine: "duckdb", name }), ConfigError);
  }
});
