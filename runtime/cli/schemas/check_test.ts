import { assert, assertEquals } from "@std/assert";
import { type RegisteredSchema } from "../../../schemas/registry.ts";
import { type FakeRegistry, startFakeRegistry } from "../../../schemas/registry_fake.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { CliContext } from "../command_line.ts";
import { plugins, tables } from "../parts.ts";
import { registryConfig } from "../table.ts";
import { checkAll, type CheckFlags } from "./check.ts";
import type { SubjectCheck } from "./check_topic.ts";
import { checkText, isGreen } from "./render.ts";
import { targetOfSubject } from "./target_of_subject.ts";

const context = { plugins, tables } as unknown as CliContext; // no command here runs a task

/** A registry, a table of these columns, and a configuration. */
async function withWorld(
  { schemas, columns, options = {} }: {
    schemas: readonly Partial<RegisteredSchema>[];
    columns: readonly (readonly [name: string, type: unknown, nullable?: boolean])[] | null;
    options?: Readonly<Record<string, unknown>>;
  },
  run: (world: { registry: FakeRegistry; config: string; table: string }) => Promise<void>,
): Promise<void> {
  const registry = startFakeRegistry(schemas.map((schema, i) => ({
    ...{ id: i + 1, version: i + 1, subject: "orders-value", schemaType: "AVRO", references: [], schema: "" },
    ...schema,
  })));
  const dir = await Deno.makeTempDir();
  try {
    const table = `${dir}/orders`;
    if (columns) await makeTable(table, columns);
    const config = `${dir}/sluice.yaml`;
    const connector = {
      ...{ connector: "delta-sink", topics: ["orders"], "value.converter": "avro", "table.uri": table },
      ...options,
    };
    const worker = { "bootstrap.servers": "localhost:1", "schema.registry.url": registry.url };
    await Deno.writeTextFile(config, JSON.stringify({ ...worker, connectors: { orders: connector } }));
    await run({ registry, config, table });
  } finally {
    await Deno.remove(dir, { recursive: true });
    await registry.stop();
  }
}

async function makeTable(uri: string, columns: readonly (readonly [string, unknown, boolean?])[]): Promise<void> {
  const fields = columns.map(([name, type, nullable = true]) => ({ name, type, nullable, metadata: {} }));
  const metaData = {
    ...{ id: "t", format: { provider: "parquet", options: {} }, partitionColumns: [], configuration: {} },
    ...{ createdTime: 0, schemaString: JSON.stringify({ type: "struct", fields }) },
  };
  await Deno.mkdir(`${uri}/_delta_log`, { recursive: true });
  const actions = [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];
  await Deno.writeTextFile(
    `${uri}/_delta_log/${"0".repeat(20)}.json`,
    actions.map((a) => JSON.stringify(a)).join("\n"),
  );
}

function avro(...fields: readonly (readonly [name: string, type: unknown])[]): Partial<RegisteredSchema> {
  const schema = { type: "record", name: "Order", fields: fields.map(([name, type]) => ({ name, type })) };
  return { schema: JSON.stringify(schema) };
}

const check = (flags: CheckFlags): Promise<SubjectCheck[]> => checkAll(flags, context, () => null);
const LONG_ID = avro(["id", "long"]);

Deno.test("checkAll() is red for a column that the table lacks, green where the policy adds it, and names the fix", async () => {
  const schemas = [LONG_ID, avro(["id", "int"], ["note", ["null", "string"]])];
  await withWorld({ schemas, columns: [["id", "long"]] }, async ({ config, table }) => {
    const [red] = await check({ config });
    assertEquals([red.standsFor, red.newest, isGreen(red)], [1, 2, false]);
    const [first, second] = red.versions;
    assertEquals([first.verdict, second.verdict, second.added], ["ok", "refused", ["note: string"]]);
    assertEquals(second.widened, ["id: long in the table, integer in the records"]);
    assertEquals(second.fix[0], `deno task table schema apply ${table} --subject orders-value@2 --config ${config}`);
    assert(checkText(red).includes("version 2: RED"));
    const [green] = await check({ config, set: ["schema.evolution=add"] });
    assertEquals([green.versions.map(({ verdict }) => verdict), isGreen(green)], [["ok", "adds"], true]);
    // What the fix says is what it does.
    const tools = await tables();
    const asked = { config: await registryConfig(tools.registryOptions, undefined, config), subject: "orders-value" };
    const log = createLog({ level: "error", format: "text" });
    const parts = { fetch, clock: systemClock, random: Math.random, log };
    const columns = await tools.columnsOfSubject({ ...asked, version: 2 }, parts);
    const { added } = await tools.applyTableSchema(table, columns, { clock: systemClock, uuid: () => "u" });
    assertEquals(added, ["note"]);
    const [after] = await check({ config });
    assertEquals([after.standsFor, after.versions.map(({ version }) => version), isGreen(after)], [2, [2], true]);
  });
});

Deno.test("checkAll() is red for types that change, columns NOT NULL that go, names that clash, and schemas that no table holds", async () => {
  const schemas = [
    avro(["id", "string"], ["must", "long"]),
    LONG_ID,
    avro(["id", "long"], ["must", "long"], ["ID", "long"]),
    avro(["id", "long"], ["must", "long"], ["free", { type: "record", name: "Free", fields: [] }]),
  ];
  await withWorld({ schemas, columns: [["id", "long"], ["must", "long", false]] }, async ({ config }) => {
    const [{ versions, standsFor }] = await check({ config });
    assertEquals([standsFor, versions.map(({ verdict }) => verdict)], [null, Array(4).fill("refused")]);
    assertEquals(versions[0].changed, ["id: long in the table, string in the records"]);
    assertEquals(versions[1].required, ["must: long"]);
    assert(versions[2].refused?.includes("ID"), versions[2].refused ?? "");
    assert(versions[3].refused !== null);
  });
});

Deno.test("checkAll() compares what columns.json and the transforms make, and then names no command that does not know them", async () => {
  const nested = avro(["id", "long"], ["a", { type: "record", name: "A", fields: [{ name: "b", type: "long" }] }]);
  const options = {
    "columns.json": ["a"],
    "transforms": ["r"],
    "transforms.r.type": "ReplaceField",
    "transforms.r.renames": "a:doc",
  };
  await withWorld({ schemas: [LONG_ID, nested], columns: [["id", "long"]], options }, async ({ config }) => {
    const [{ versions }] = await check({ config });
    assertEquals(versions[1].added, ["doc: string"]);
    assertEquals(versions[1].fix.length, 1);
    assert(versions[1].fix[0].startsWith("schema.evolution: add"));
  });
});

Deno.test("checkAll() tells the rules that set records aside, is red for those that stop the topic, and for the protocol", async () => {
  const rule = (name: string, type: string, more = {}) => ({ name, type, kind: "CONDITION", mode: "READ", ...more });
  const schemas = [
    { ...LONG_ID, ruleSet: { domainRules: [rule("positive", "CEL", { expr: "message.id > 0" })] } },
    { ...LONG_ID, ruleSet: { domainRules: [rule("secret", "ENCRYPT")] } },
    avro(["id", "long"], ["at", { type: "long", logicalType: "local-timestamp-micros" }]),
  ];
  const options = { "schema.evolution": "add" };
  await withWorld({ schemas, columns: [["id", "long"]], options }, async ({ config }) => {
    const [{ versions }] = await check({ config });
    const [encrypted, ntz] = versions.slice(-2);
    assertEquals(versions.length, 3);
    assert(versions[0].notes[0].includes('rule "positive" (CEL: message.id > 0)'));
    assertEquals([versions[0].verdict, encrypted.verdict, ntz.verdict], ["ok", "refused", "refused"]);
    assert(encrypted.refused?.includes("ENCRYPT") && ntz.refused?.includes("allow.protocol.upgrade"));
    const [fixed] = await check({ config, set: ["allow.protocol.upgrade=true", "rules.unknown=ignore"] });
    assert(isGreen(fixed));
    const [none] = await check({ config, set: ["schema.evolution=none"] });
    assert(none.versions.at(-1)!.fix[0].includes("allow.protocol.upgrade: true"));
  });
});

Deno.test("checkAll() is green for tables that are to be made, finds topics of a pattern by their subjects, refuses to check nothing", async () => {
  await withWorld({ schemas: [LONG_ID, avro(["id", "string"])], columns: null }, async ({ config }) => {
    const [made] = await check({ config });
    assertEquals([made.tableExists, made.versions.map(({ version }) => version), isGreen(made)], [false, [2], true]);
    const [given] = await checkAll({ config, subject: "orders-value" }, context, () =>
      Promise.resolve({
        ...{ schemaType: "AVRO", subject: "orders-value", version: null, id: null, references: [] },
        schema: '{"type": "nothing"}',
      }));
    assertEquals(given.versions[0].verdict, "refused");
    for (const flags of [{ subject: "other" }, { set: ["value.converter=json"] }]) {
      const problem = await check({ config, ...flags }).then(() => null, (error) => error.name);
      assertEquals(problem, "ConfigError");
    }
  });
  const options = { "topics": undefined, "topics.regex": "ord.*", "table.uri": "memory://t/${topic}" };
  await withWorld({ schemas: [LONG_ID], columns: null, options }, async ({ config }) => {
    assertEquals((await check({ config })).map(({ topic }) => topic), ["orders"]);
  });
});

Deno.test("targetOfSubject() is the table that a configuration would make, Kafka's and partition columns too", async () => {
  const timed = avro(["id", "long"], ["at", { type: "long", logicalType: "timestamp-micros" }]);
  const options = { "partition.by": ["date(at)"], "columns.kafka": ["offset"] };
  await withWorld({ schemas: [timed], columns: [["other", "string"]], options }, async ({ config, table }) => {
    const flags = { config, subject: "orders-value" };
    const { uri, columns, partitionColumns } = await targetOfSubject(flags, 1, context);
    assertEquals([uri, partitionColumns], [table, ["at_date"]]);
    assertEquals(columns.fields.map(({ name }) => name), ["id", "at", "_kafka_offset", "at_date"]);
  });
});
