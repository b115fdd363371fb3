import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { AvroMessages } from "../avro/message.ts";
import { parseSchema } from "../avro/schema.ts";
import { matches, type RegisteredRule } from "./rule_set.ts";
import { read, rule, type Written } from "./test_support.ts";

const SCHEMA = {
  type: "record",
  name: "R",
  fields: [
    { name: "id", type: "long" },
    { name: "name", type: ["null", "string"], "confluent:tags": ["T"] },
    { name: "notes", type: { type: "array", items: "string" }, "confluent:tags": ["T"] },
    { name: "inner", type: ["null", { type: "record", name: "I", fields: [{ name: "n", type: "int" }] }] },
  ],
};
const MESSAGES = new AvroMessages(parseSchema(JSON.stringify(SCHEMA)), {});

/** A record as it is, without a type of ours. */
interface Row {
  readonly id: bigint;
  readonly name: string | null;
  readonly notes: readonly string[];
  readonly inner: { readonly n: number } | null;
}

/** What a rule does, in JavaScript: the row that it leaves, false where it is not kept, null where it cannot be asked. */
type Plainly = (row: Row) => Row | false | null;

const texts = (change: (text: string) => string, isName: boolean, isNotes: boolean) => (row: Row): Row => ({
  ...row,
  name: isName && row.name !== null ? change(row.name) : row.name,
  notes: isNotes ? row.notes.map(change) : row.notes,
});
const int32 = (n: number) => (n | 0) === n;

const RULES: readonly (readonly [Partial<RegisteredRule>, Plainly])[] = [
  [{ expr: "message.id % 2 == 0" }, (row) => row.id % 2n === 0n ? row : false],
  [
    { expr: "message.name != null ; size(message.name) < 3" },
    (row) => row.name === null || [...row.name].length < 3 ? row : false,
  ],
  [{ expr: "message.inner.n < 5" }, (row) => row.inner === null ? null : row.inner.n < 5 ? row : false],
  [{ expr: "message.notes.all(note, note != 'x')" }, (row) => row.notes.includes("x") ? false : row],
  [
    { type: "CEL_FIELD", tags: ["T"], expr: "value != ''" },
    (row) => row.name === "" || row.notes.includes("") ? false : row,
  ],
  [{ kind: "TRANSFORM", expr: "{'id': message.id + 1, 'name': 'c', 'notes': message.notes + ['x'], 'inner': null}" }, (
    row,
  ) =>
    BigInt.asIntN(64, row.id + 1n) === row.id + 1n
      ? { id: row.id + 1n, name: "c", notes: [...row.notes, "x"], inner: null }
      : null],
  [{ kind: "TRANSFORM", type: "CEL_FIELD", tags: ["T"], expr: "value + '!'" }, texts((text) => `${text}!`, true, true)],
  [
    { kind: "TRANSFORM", type: "CEL_FIELD", tags: [], expr: "name == 'notes' ; value + name" },
    texts((text) => `${text}notes`, false, true),
  ],
  [{ kind: "TRANSFORM", type: "CEL_FIELD", expr: "typeName == 'INT' ; value * 1000000" }, (row) => {
    if (row.inner === null) return row;
    const n = row.inner.n * 1_000_000;
    return int32(n) ? { ...row, inner: { n } } : false;
  }],
];

/** The rules on one row, in plain JavaScript. */
function reference(chosen: readonly Chosen[], row: Row): Row | string {
  let at = row;
  for (const { which, onFailure, disabled } of chosen.toReversed()) {
    if (disabled) continue;
    const [{ kind }, plainly] = RULES[which];
    const after = plainly(at);
    if (after !== false && after !== null) at = after;
    else if (onFailure !== "NONE") {
      const stage = kind === "TRANSFORM" ? "TRANSFORMATION" : "VALIDATION";
      return `${stage}: rule r${which}${after === null ? " cannot be evaluated" : ""}`;
    }
  }
  return at;
}

interface Chosen {
  readonly which: number;
  readonly onFailure: string;
  readonly disabled: boolean;
}

const rows = fc.array(
  fc.record({
    id: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    name: fc.option(fc.constantFrom("", "a", "abc", "é€😀")),
    notes: fc.array(fc.constantFrom("", "x", "y"), { maxLength: 3 }),
    inner: fc.option(fc.record({ n: fc.constantFrom(0, 4, 5, -3000, 2 ** 31 - 1) }, { noNullPrototype: true })),
  }, { noNullPrototype: true }),
  { minLength: 1, maxLength: 12 },
);
const rules = fc.uniqueArray(
  fc.record({
    which: fc.nat(RULES.length - 1),
    onFailure: fc.constantFrom("ERROR", "NONE", "DLQ"),
    disabled: fc.boolean(),
  }),
  { maxLength: 4, selector: ({ which }) => which },
);

Deno.test("rules on batches do what they do row by row in plain JavaScript", async () => {
  await fc.assert(
    fc.asyncProperty(rows, rules, async (rows, chosen) => {
      const domainRules = chosen.map(({ which, onFailure, disabled }) =>
        rule({ name: `r${which}`, onFailure, disabled, ...RULES[which][0] })
      );
      const records = rows.map((row): Written => [1, MESSAGES.write(row, "json")]);
      const held = await read("AVRO", [{ schema: SCHEMA, ruleSet: { domainRules } }], records);
      const wanted = rows.map((row) => reference(chosen, row));
      assertEquals(rows.map((_, i) => held.errors[i] ?? held.rows[i]), wanted);
    }),
    { numRuns: 60 },
  );
});

Deno.test("matches() knows parts between dots, and patterns across them", () => {
  const cases: [string, string, boolean][] = [
    ["shop.Order.card", "shop.Order.card", true],
    ["shop.Order.card", "shop.*.card", true],
    ["shop.Order.card", "*.card", false],
    ["shop.Order.card", "**.card", true],
    ["shop.Order.card", "**", true],
    ["shop.Order.card", "shop.Order.car?", true],
    ["shop.Order.card", "shopxOrder.card", false],
    ["$.card", "$.c*", true],
    ["a[b", "a[b", true],
  ];
  for (const [name, pattern, wanted] of cases) assertEquals(matches(name, pattern), wanted, `${name} ${pattern}`);
});

Deno.test("without rules nothing of them is loaded", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const folder = await Deno.makeTempDir();
  try {
    const root = new URL("../../", import.meta.url);
    const absolute = (target: string) => target.startsWith("./") ? new URL(target, root).href : target;
    const imports = Object.fromEntries(
      Object.entries<string>(config.imports).map(([name, target]) => [name, absolute(target)]),
    );
    const trap = (name: string) => `data:text/javascript,throw new Error("loaded: ${name}")`;
    for (const name of ["@bufbuild/cel", "@bufbuild/cel/ext", "jsonata"]) imports[name] = trap(name);
    const engine = new URL("contracts.ts", import.meta.url).href;
    imports[engine] = trap("contracts");
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports }));
    const program = (ruleSet: string) => `
      import { json, read } from ${JSON.stringify(new URL("test_support.ts", import.meta.url).href)};
      const schema = { type: "object", properties: { a: { type: "integer" } } };
      const { rows } = await read("JSON", [{ schema, ${ruleSet} metadata: { tags: { "$.a": ["T"] } } }], [json(1, { a: 1 })]);
      console.log(String(rows[0].a));`;
    const run = async (ruleSet: string) => {
      await Deno.writeTextFile(`${folder}/main.ts`, program(ruleSet));
      const args = ["run", "-A", "--no-check", "--no-lock", "--config", `${folder}/deno.json`, `${folder}/main.ts`];
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      return new TextDecoder().decode(stdout).trim() + new TextDecoder().decode(stderr);
    };
    assertEquals(await run(""), "1");
    assert((await run("ruleSet: { domainRules: [] },")).includes("loaded: contracts"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
