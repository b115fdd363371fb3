/**
 * What rules cost: records a second of CPU, by kind of rule. `deno run -A schemas/rules/rules_bench.ts`
 *
 * @module
 */
import process from "node:process";
import { AvroMessages } from "../avro/message.ts";
import { parseSchema } from "../avro/schema.ts";
import { read, rule, type Version, type Written } from "./test_support.ts";

const RECORDS = 5_000;
const SCHEMA = {
  type: "record",
  name: "R",
  fields: [
    ...Array.from({ length: 5 }, (_, i) => ({ name: `n${i}`, type: "long" })),
    ...Array.from({ length: 5 }, (_, i) => ({ name: `s${i}`, type: ["null", "string"], "confluent:tags": ["T"] })),
  ],
};
const row = Object.fromEntries(SCHEMA.fields.map(({ name }, i) => [name, i < 5 ? i : `text ${i}`]));
const payload = new AvroMessages(parseSchema(JSON.stringify(SCHEMA)), {}).write(row, "json");
const records = Array.from({ length: RECORDS }, (): Written => [1, payload]);
const latest = { "use.latest.version": true };
const migration = rule({ kind: "TRANSFORM", mode: "UPGRADE", type: "JSONATA", expr: "$merge([$, {'n0': n0 + 1}])" });

const CASES: Readonly<Record<string, readonly [versions: readonly Version[], config?: Record<string, unknown>]>> = {
  "no rules": [[{ schema: SCHEMA }]],
  "CEL condition": [[{ schema: SCHEMA, ruleSet: { domainRules: [rule({ expr: "message.n1 > 0" })] } }]],
  "CEL_FIELD transform of 5 of 10 fields": [[{
    schema: SCHEMA,
    ruleSet: { domainRules: [rule({ kind: "TRANSFORM", type: "CEL_FIELD", tags: ["T"], expr: "value + '!'" })] },
  }]],
  "JSONata migration": [[{ schema: SCHEMA }, { schema: SCHEMA, ruleSet: { migrationRules: [migration] } }], latest],
};

for (const [name, [versions, config]] of Object.entries(CASES)) {
  await read("AVRO", versions, records.slice(0, 500), config);
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    const { rejects } = await read("AVRO", versions, records, config);
    if (rejects.size > 0) throw new Error("a record is rejected");
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / RECORDS);
  }
  console.log(`${name}: ${best.toFixed(1)} µs a record, ${Math.round(1e6 / best)} records a second`);
}
