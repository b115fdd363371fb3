import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import type { ConfigProblem } from "../api/mod.ts";
import { plugins as builtIn } from "../cli/parts.ts";
import type { Plugins } from "../config/choose_parts.ts";
import { parseRaw } from "../config/parse_raw.ts";
import { type RawConfig, rawKeys } from "../config/raw.ts";
import { readConfig } from "../config/read_config.ts";
import { pluginRoutes } from "../rest/plugins.ts";
import { createCatalogue } from "./catalogue.ts";
import { instanceName, isModuleName, kindOfKey } from "./module_names.ts";

const SINK = `{
  name: "my-sink", version: "1.2.3", options: { "my.key": { type: "secret", doc: "A key.", importance: "high", perTopic: true, default: null } },
  check() {}, createTask() {},
}`;
const STEP = `{ name: "my-step", options: {}, create() {} }`;

/** A folder with modules by file name. */
async function withModules(modules: Readonly<Record<string, string>>, body: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "plugins é #%-" });
  try {
    for (const [file, text] of Object.entries(modules)) await Deno.writeTextFile(`${folder}/${file}`, text);
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const fresh = (): Plugins => createCatalogue(builtIn);

async function problemsOf(folder: string, connector: Readonly<Record<string, unknown>>, source: string, worker = {}) {
  const problems: ConfigProblem[] = [];
  const raw = { worker: rawKeys(worker), connectors: new Map([["x", rawKeys(connector, source)]]) };
  await fresh().load!(raw, { file: `${folder}/sluice.yaml` }, problems);
  return problems.map(({ key, why }) => `${key}: ${why}`);
}

Deno.test("Plugins.load() finds every kind of plugin, relative to the file, and again from plain data alone", async () => {
  await withModules({
    "sink.ts": `const x: number = 1; export const sink = ${SINK}; export const other = x;`,
    "steps.js": `export const a = ${STEP}; export const b = { ...a, name: "my-other" };`,
    "one.js": `const it = ${STEP}; export default it; export const same = it;`,
  }, async (folder) => {
    const text = JSON.stringify({
      "bootstrap.servers": "h:1",
      connectors: {
        orders: {
          connector: "./sink.ts",
          topics: ["t", "u"],
          "key.converter": "./one.js",
          "value.converter": "./one.js",
          "header.converter": "./one.js",
          transforms: ["a", "b"],
          "transforms.a.type": "./steps.js#a",
          "transforms.b.type": `${folder}/steps.js#b`,
          "transforms.b.predicate": "p",
          predicates: ["p"],
          "predicates.p.type": "./one.js",
          "per.topic": { u: { "value.converter": "./steps.js#b" } },
        },
      },
    });
    const source = { path: `${folder}/sluice.yaml`, environment: {}, readTextFile: () => Promise.resolve(text) };
    const { instances, raw } = await readConfig({ ...source, connector: `${folder}/sink.ts` }, fresh());
    const again = fresh();
    const loaded = await again.load!(structuredClone(raw), { file: null }, []);
    for (const instance of [instances[0], parseRaw(loaded, again).instances[0]]) {
      const { keyConverter, valueConverter, headerConverter, transforms } = instance.forTopic("t");
      assertEquals(instance.plugin.name, "my-sink");
      const names = [keyConverter, valueConverter, headerConverter!, ...transforms, transforms[1].predicate!];
      assertEquals(names.map(({ plugin }) => plugin.name), [
        ...["my-step", "my-step", "my-step", "my-step", "my-other", "my-step"],
      ]);
      assertEquals(instance.forTopic("u").valueConverter.plugin.name, "my-other");
    }
    assertMatch(again.origins!.get("connector my-sink")!, /^file:.*%23%25-.*\/sink\.ts$/);
    assertEquals(raw.connectors.get("orders")!.get("connector")!.shown, "./sink.ts");
  });
});

Deno.test("Plugins.load() says what a module lacks", async () => {
  const option = (text: string) => `export default { ...${SINK}, options: { ${text} } };`;
  const cases: Readonly<Record<string, readonly [text: string, why: string]>> = {
    "a.js": ["export const x = {};", "exports no connector: it exports x; export a connector: an object with name"],
    "b.js": [`export const x = ${SINK}, y = ${SINK};`, "exports several that may be meant (x, y): name one, e.g. #x"],
    "c.js": [
      `export default { ...${SINK}, name: "My sink" };`,
      'its name must be letters, digits, - and _, current value is "',
    ],
    "d.js": [`export default { ...${SINK}, version: 1 };`, "its version must be a text"],
    "e.js": [`export default { ...${SINK}, options: null };`, "its options must be an object of option.*() by key"],
    "f.js": [option(`topics: { type: "list", doc: "x" }`), "its option topics is one that every connector has"],
    "g.js": [option(`a: { type: "text", doc: "x" }`), "its option a must be of one of the types string, secret"],
    "h.js": [option(`a: { type: "int", doc: "" }`), "its option a has no doc"],
    "i.js": [option(`a: { type: "int", doc: "x" }`), "must have an importance of high, medium, low"],
    "j.js": [option(`a: { type: "int", doc: "x", importance: "low", default: "1" }`), "a default that is no number"],
    "m.js": [
      option(`a: { type: "int", doc: "x", importance: "low", default: 1, min: 5 }`),
      "a default below its min: 1",
    ],
    "n.js": [option(`a: { type: "list", doc: "x", importance: "low", default: {} }`), "a default that is no list"],
    "o.js": [option(`a: { type: "string", doc: "x", importance: "low", default: "c", oneOf: ["a"] }`), "none of a: c"],
    "p.js": [option(`a: { type: "int", doc: "x", importance: "low", min: "1" }`), "has a min that is no number"],
    "q.js": [option(`a: { type: "int", doc: "x", importance: "low", check: true }`), "has a check that is no function"],
    "r.js": ["import './s.js'; export let a = 1;", "cannot be loaded: "],
    "s.js": ["import { a } from './r.js'; a.x.y;", "cannot be loaded: ReferenceError: "],
    "t.js": ["throw undefined", "cannot be loaded: it threw undefined"],
    "u.js": ["export const = 1;", "SyntaxError: "],
    "v.js": ["import './nowhere.js';", "nowhere.js"],
    "k.js": [`export default { ...${SINK}, name: "file-sink" };`, "another of this name, built in; rename one"],
    "l.js": ["await Promise.reject('x')", "cannot be loaded: it threw x"],
  };
  await withModules(Object.fromEntries(Object.entries(cases).map(([file, [text]]) => [file, text])), async (folder) => {
    for (const [file, [, why]] of Object.entries(cases)) {
      const [problem, ...others] = await problemsOf(folder, { connector: `./${file}` }, `${folder}/sluice.yaml`);
      assertEquals(others, []);
      assertStringIncludes(problem, "connectors.x.connector: ");
      assertStringIncludes(problem, why);
    }
  });
});

Deno.test("Plugins.load() refuses two modules that give one name, and takes one module named twice", async () => {
  await withModules({ "a.js": `export default ${SINK};`, "b.js": `export default ${SINK};` }, async (folder) => {
    const source = `${folder}/sluice.yaml`;
    const raw: RawConfig = {
      worker: new Map(),
      connectors: new Map(["a", "a", "b"].map((file, i) => [`${i}`, rawKeys({ connector: `./${file}.js` }, source)])),
    };
    const problems: ConfigProblem[] = [];
    await fresh().load!(raw, { file: source }, problems);
    assertEquals(problems.map(({ key }) => key), ["connectors.2.connector"]);
    assertMatch(problems[0].why, /another of this name, of file:.*a\.js; rename one/);
  });
});

Deno.test("Plugins.load() over HTTP takes modules of plugin.path alone", async () => {
  await withModules({ "a.js": `export default ${SINK};` }, async (folder) => {
    await Deno.mkdir(`${folder}/in`);
    await Deno.rename(`${folder}/a.js`, `${folder}/in/a.js`);
    const path = { "plugin.path": `${folder}/in` };
    assertEquals(await problemsOf(folder, { connector: "./a.js" }, "HTTP", path), []);
    assertEquals(await problemsOf(folder, { connector: `${folder}/in/a.js` }, "HTTP", path), []);
    const refused = [
      "../in2/a.js",
      "/tmp/a.js",
      "https://x/a.js",
      "data:text/javascript,1",
      `file:///x/a.js`,
    ];
    const inUrl = new URL(`file://${encodeURI(folder).replaceAll("#", "%23")}/in/`).href;
    for (const connector of [...refused, `${inUrl}..%2fa.js`]) {
      const [problem] = await problemsOf(folder, { connector }, "HTTP", path);
      assertStringIncludes(
        problem ?? "nothing",
        "over HTTP modules may come from the folders of the worker's plugin.path",
      );
    }
    assertEquals((await problemsOf(folder, { connector: "./in/a.js" }, "REST")).length, 1);
  });
});

Deno.test("/connector-plugins describes and validates connectors of plugin.path, by path or name, and lists them", async () => {
  await withModules({ "a.js": `export default ${SINK};` }, async (folder) => {
    const routes = pluginRoutes({
      plugins: fresh(),
      passedOn: rawKeys({ "plugin.path": folder }),
      references: { environment: {}, readTextFile: Deno.readTextFile },
      worker: { revealed: (_, config) => ({ config, unknown: [] }) },
      version: "0",
    });
    const ask = async (method: string, path: string, params: Record<string, string> = {}, body?: object) => {
      const route = routes.find((each) => each.method === method && each.path === path)!;
      const request = new Request(`http://h${path}`, {
        method,
        ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
      });
      return await (await route.handle(request, params)).json();
    };
    const config = { name: "x", "connector.class": "./a.js", topics: "t", "value.converter": "json", "my.key": "s" };
    const validate = "/connector-plugins/:plugin/config/validate";
    for (const plugin of ["./a.js", "my-sink", `${folder}/a.js`]) {
      const { error_count, configs } = await ask("PUT", validate, { plugin }, config);
      assertEquals(error_count, 0);
      const key = configs.find((each: { value: { name: string } }) => each.value.name === "my.key");
      assertEquals([key.definition.type, key.value.value], ["PASSWORD", "[hidden]"]);
      const keys = await ask("GET", "/connector-plugins/:plugin/config", { plugin });
      assertEquals(keys.at(-1).name, "my.key");
    }
    const listed = await ask("GET", "/connector-plugins");
    assertEquals(listed.at(-1), { class: "my-sink", type: "sink", version: "1.2.3" });
    const outside = { ...config, "connector.class": "../a.js" };
    const { error_count, configs } = await ask("PUT", validate, { plugin: "my-sink" }, outside);
    const { errors } = configs.find((each: { value: { name: string } }) => each.value.name === "connector.class").value;
    assertEquals([error_count > 0, errors.length], [true, 1]);
    assertMatch(errors[0], /^is not in plugin\.path/);
    await assertRejects(() => ask("PUT", validate, { plugin: "../a.js" }, config), Error, "is not in plugin.path");
  });
});

Deno.test("isModuleName() and kindOfKey() leave names of plugins and classes, and other keys, alone", () => {
  for (const name of ["./a.ts", "../a.ts", "/a.ts", "file:///a.ts", "https://x/a.ts", "npm:a@1", "jsr:@a/b"]) {
    assertEquals(isModuleName(name), true, name);
  }
  for (const name of ["delta-sink", "org.x.InsertField$Key", "json", "", "a.ts", "io.confluent/x"]) {
    assertEquals(isModuleName(name), false, name);
  }
  const keys = ["connector", "connector.class", "per.topic.t.key.converter", "header.converter", "transforms.a.type"];
  assertEquals([...keys, "predicates.p.type", "file.path", "transforms.a.spec.type"].map(kindOfKey), [
    ...["connector", "connector", "converter", "header converter", "transform", "predicate", null, null],
  ]);
  assertEquals(["./my_sink.ts", "./my sink/mod.ts", "https://x/a.js?b#c"].map(instanceName), [
    "my_sink",
    "my-sink",
    "a",
  ]);
});
