import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ConfigError, option } from "../api/mod.ts";
import { nearest } from "./nearest.ts";
import { parseConfig } from "./parse_config.ts";
import { splitList } from "./parse_value.ts";
import { rawKeys } from "./raw.ts";
import { renderOptions, withOptionTables } from "./render_options.ts";
import { INSTANCE_OPTIONS } from "./instance_options.ts";
import { parseListen, WORKER_OPTIONS } from "./worker_options.ts";

const DEF = {
  "file.bytes.max": option.bytes({ doc: "How large a file is.", default: 1024, min: 1 }),
  "wait.ms": option.durationMs({ doc: "How long to wait.", default: 1000 }),
  "big": option.long({ doc: "A large number.", default: 0n }),
  "ratio": option.double({ doc: "A part.", default: 0.5, min: 0, max: 1 }),
  "flag": option.boolean({ doc: "Yes or no.", default: false }),
  "names": option.list({ doc: "Names.", default: [], oneOf: ["a", "b", "date(ts, x)"] }),
  "kind": option.oneOf(["one", "two"], { doc: "Which | kind.", default: "one", importance: "high" }),
  "secret": option.secret({ doc: "A password.", check: (s) => s && s.reveal().length < 3 ? "is too short" : null }),
  "client": option.map({ doc: "Settings." }),
  "fixed": option.string({ doc: "For all topics.", default: "x", perTopic: false }),
};
const parse = (values: Record<string, unknown>) => parseConfig(DEF, rawKeys(values), { path: "c.", topics: ["a.b"] });
const problems = (values: Record<string, unknown>) =>
  assertThrows(() => parse(values), ConfigError).message.split("\n");

Deno.test("parseConfig() gives defaults, and values in their types", () => {
  assertEquals(parse({}).values, {
    "file.bytes.max": 1024,
    "wait.ms": 1000,
    "big": 0n,
    "ratio": 0.5,
    "flag": false,
    "names": [],
    "kind": "one",
    "secret": null,
    "client": {},
    "fixed": "x",
  });
  const { values } = parse({
    "file.bytes.max": "1.5MiB",
    "wait": { ms: "5m" },
    "big": "9223372036854775807",
    "ratio": "1e-3",
    "flag": "TRUE",
    "names": "a, date(ts, x)",
    "client": { "fetch.max.bytes": 5, "list": ["x", "y"] },
  });
  assertEquals([values["file.bytes.max"], values["wait.ms"], values.big], [1_572_864, 300_000, 2n ** 63n - 1n]);
  assertEquals([values.ratio, values.flag, values.names], [0.001, true, ["a", "date(ts, x)"]]);
  assertEquals(values.client, { "fetch.max.bytes": "5", "list": "x,y" });
});

Deno.test("parseConfig() says for every bad value what would be accepted", () => {
  assertEquals(
    problems({
      "file.bytes.max": "12 parsecs",
      "wait.ms": -1,
      "big": 1e17,
      "ratio": 2,
      "flag": "ja",
      "names": ["a", "c"],
      "kind": "tow",
      "secret": "pw",
      "fixed": ["x"],
    }),
    [
      'c.file.bytes.max = 12 parsecs: must be a size such as "128MiB", or bytes as a bare number >= 1',
      "c.wait.ms = -1: must be >= 0",
      "c.big = 100000000000000000: is too large for a bare number of the file, whose last digits are lost; put it in quotes",
      "c.ratio = 2: must be between 0 and 1",
      "c.flag = ja: must be true or false",
      'c.names = [a, c]: "c" must be one of a, b, date(ts, x)',
      'c.kind = tow: must be one of one, two; did you mean "two"?',
      "c.secret = [hidden]: is too short",
      "c.fixed = [x]: must be one text, not a list",
    ],
  );
});

Deno.test("parseConfig() lays a topic's options over the instance's, whatever dots its name has", () => {
  const nested = parse({ "wait.ms": "2s", "per.topic": { "a.b": { "wait.ms": "3s" }, "c": { client: { x: 1 } } } });
  const dotted = parse({ "wait.ms": "2s", "per.topic.a.b.wait.ms": "3s", "per.topic.c.client.x": "1" });
  for (const config of [nested, dotted]) {
    assertEquals(config.forTopic("a.b")["wait.ms"], 3000);
    assertEquals(config.forTopic("c").client, { x: "1" });
    assertEquals(config.forTopic("c")["wait.ms"], 2000);
    assertEquals(config.forTopic("other"), config.values);
  }
  assertEquals(problems({ "per.topic.q.r.wait.ms": "soon", "per.topic": { "a.b": { fixed: "y", wiat: { ms: 1 } } } }), [
    'c.per.topic.q.r.wait.ms = soon: must be a duration such as "30s", or bare milliseconds',
    'c.per.topic.a.b.wiat.ms: is no option; did you mean "wait.ms"?',
    "c.per.topic.a.b.fixed: holds for all topics of an instance; move it out of per.topic",
  ]);
});

Deno.test("nearest() finds a name behind one typing mistake, and none behind nonsense", () => {
  const known = [...Object.keys(INSTANCE_OPTIONS), ...Object.keys(WORKER_OPTIONS)];
  const index = fc.nat({ max: known.length - 1 });
  fc.assert(fc.property(index, fc.nat(), fc.constantFrom("drop", "double", "swap"), (i, at, how) => {
    const name = known[i];
    const p = at % (name.length - 1);
    const typo = how === "drop"
      ? name.slice(0, p) + name.slice(p + 1)
      : how === "double"
      ? name.slice(0, p) + name[p] + name.slice(p)
      : name.slice(0, p) + name[p + 1] + name[p] + name.slice(p + 2);
    assert(known.includes(typo) || nearest(typo, known) !== null, typo);
  }));
  assertEquals(nearest("interval.commit.ms", known), "commit.interval.ms");
  assertEquals(nearest("COMMIT_INTERVAL_MS", known), "commit.interval.ms");
  assertEquals(nearest("frobnicate", known), null);
});

Deno.test("splitList() splits at commas outside of parentheses", () => {
  assertEquals(splitList(" a , f(b, c) ,, d "), ["a", "f(b, c)", "d"]);
  assertEquals(splitList("[]"), []);
  assertEquals(splitList("[a, b]"), ["a", "b"]);
});

Deno.test("parseListen() reads what Connect's users write", () => {
  assertEquals(parseListen("[::1]:80"), { hostname: "::1", port: 80 });
  assertEquals([parseListen("host"), parseListen("h:99999")], [null, null]);
});

Deno.test("renderOptions() prints the table that a README holds", () => {
  const { kind, secret, client, "file.bytes.max": bytes } = DEF;
  const table = renderOptions({ "file.bytes.max": bytes, secret, client, kind, need: option.int({ doc: "Needed." }) });
  assertEquals(table.split("\n").slice(2), [
    "| `kind` | `one` `two` | `one` | Which \\| kind. |",
    "| `file.bytes.max` | bytes | `1KiB` | How large a file is. |",
    "| `secret` | secret |  | A password. |",
    "| `client.*` | map |  | Settings. |",
    "| `need` | int | required | Needed. |",
  ]);
  const readme = "a\n<!-- options:d -->\nold\n<!-- /options -->\nb";
  const printed = withOptionTables(readme, { d: { kind } });
  assertEquals(printed, `a\n<!-- options:d -->\n\n${renderOptions({ kind })}\n\n<!-- /options -->\nb`);
  assertThrows(() => withOptionTables(readme, {}), RangeError, "options:d");
});

Deno.test("INSTANCE_OPTIONS and WORKER_OPTIONS have defaults that they accept, and docs", () => {
  for (const [key, { default: value, doc, check }] of Object.entries({ ...INSTANCE_OPTIONS, ...WORKER_OPTIONS })) {
    assert(doc.length > 10 && /[.!]$/.test(doc), `${key}: ${doc}`);
    if (value !== undefined) {
      assertEquals((check as ((v: unknown) => string | null) | undefined)?.(value) ?? null, null, key);
    }
  }
});
