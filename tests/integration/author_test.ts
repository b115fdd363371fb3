/**
 * An author's way: a new connector in a folder of its own, by the commands of connectors/README.md as they stand there.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Ended, Program, resultOf, Scratch } from "./program.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Runs a command line in a folder to its end. */
async function run(line: string, folder: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const args = [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word).slice(1);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

async function runWell(line: string, folder: string): Promise<Ended> {
  const ended = await run(line, folder);
  assertEquals(ended.code, 0, `${line}:\n${ended.stdout}\n${ended.stderr}`);
  return ended;
}

/** The commands of the guide, in order. */
async function guide(): Promise<string[]> {
  const text = await Deno.readTextFile(`${ROOT}connectors/README.md`);
  const chapter = text.split(/^## /m).find((part) => part.startsWith("Your first connector"))!;
  return [...chapter.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block]) =>
    block.trim().split("\n").map((line) => line.trim())
  );
}

async function edit(path: string, changes: readonly (readonly [string, string])[]): Promise<void> {
  let text = await Deno.readTextFile(path);
  for (const [from, to] of changes) {
    assertStringIncludes(text, from);
    text = text.replaceAll(from, to);
  }
  await Deno.writeTextFile(path, text);
}

Deno.test("new connector and its guide lead to records at the target, by the commands as they stand there", async () => {
  await using scratch = await Scratch.make();
  const topic = `orders-${crypto.randomUUID()}`;
  const folder = `${scratch.dir}/my-sink`;
  const [make, cd, test, receive, services, send, validate, start, docs, table, list, ...rest] = await guide();
  assertEquals([cd, services, rest], ["cd ../my-sink", "deno task sluice services up", []]);

  await runWell(make.replace("../my-sink", folder), ROOT);
  const again = await run(make.replace("../my-sink", folder), ROOT);
  assertEquals(again.code, 2, "nothing is written over");
  assertStringIncludes(again.stderr, "holds mod.ts, ");
  const files = await Promise.all(
    ["mod.ts", "mod_test.ts", "sluice.yaml"].map((file) => Deno.readTextFile(`${folder}/${file}`)),
  );
  const lines = files.map((text) => text.trimEnd().split("\n").length);
  assert(lines.reduce((sum, each) => sum + each) < 100, `in under 100 lines, suite and configuration too: ${lines}`);
  const [tested] = await Promise.all([test, "deno fmt --check", "deno lint"].map((line) => runWell(line, folder)));
  assertStringIncludes(tested.stdout, "preCommit() covers all that was put");

  const receiver = new Program(receive.replace("receiver.ts", `${folder}/receiver.ts`).split(" ").slice(1), {
    PORT: "0",
  });
  scratch.defer(() => receiver.kill());
  await receiver.while("it listens", () => /127\.0\.0\.1:\d+/.test(receiver.stdout + receiver.stderr));
  const [address] = /127\.0\.0\.1:\d+/.exec(receiver.stdout + receiver.stderr)!;
  await edit(`${folder}/sluice.yaml`, [
    ["127.0.0.1:9092\n", `${scratch.bootstrap}\nhttp.listen: off\n`],
    ["127.0.0.1:9099", address],
    ["[orders]", `[${topic}]`],
    ["my-sink:", `${scratch.name}:`],
  ]);
  assertStringIncludes((await runWell(send, folder)).stdout, `Sent 3 to ${topic}`);
  assertStringIncludes((await runWell(validate, folder)).stdout, "target: ok");
  const result = resultOf(await runWell(start, folder));
  assertEquals([result.records, result.rows, result.rejects], [3, 3, []]);
  const given = () =>
    receiver.stdout.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  await receiver.while("the target has printed all", () => given().length >= 3);
  assertEquals(given().map((line) => [line.topic, Number(line.value.id)]), [1, 2, 3].map((id) => [topic, id]));

  const [shown, markdown, all] = await Promise.all([docs, table, list].map((line) => runWell(line, folder)));
  assertStringIncludes(shown.stdout, "http.timeout.ms\n      duration; default 30s");
  assertStringIncludes(markdown.stdout, "| `http.url` | string | required |");
  assertStringIncludes(all.stdout, `file://${folder}/mod.ts`);
});

Deno.test("start takes a connector, a converter and a transform of modules, without a configuration file too", async () => {
  await using scratch = await Scratch.make();
  const topic = `lines-${crypto.randomUUID()}`;
  await Promise.all(["converter", "transform"].map(async (kind) => {
    const folder = `${scratch.dir}/${kind}`;
    await runWell(`deno task new ${kind} my-${kind} --dir ${folder}`, ROOT);
    await Promise.all(
      ["deno test -A --no-check", "deno fmt --check", "deno lint"].map((line) => runWell(line, folder)),
    );
  }));
  // Both at once: most of what is checked is Sluice.
  await runWell("deno check --config converter/deno.json converter transform", scratch.dir);
  await edit(`${scratch.dir}/converter/sluice.yaml`, [["127.0.0.1:9092", scratch.bootstrap], [
    "[orders]",
    `[${topic}]`,
  ]]);
  await runWell("deno run -A send.ts 7;oak 8;elm no 9;ash", `${scratch.dir}/converter`);
  // A connector by its bare contract, in JavaScript: it sets aside what it does not like, by a verdict of the program's own.
  await Deno.writeTextFile(`${scratch.dir}/my_lines.js`, LINES);
  const sets = [
    `bootstrap.servers=${scratch.bootstrap}`,
    "http.listen=off",
    `topics=${topic}`,
    `out.file=${scratch.dir}/out.txt`,
    "value.converter=./converter/mod.ts",
    "my-converter.columns=id,name",
    "transforms=mine",
    "transforms.mine.type=./transform/mod.ts",
    "transforms.mine.field=name",
    "errors.tolerance=all",
    "errors.skip.acknowledged=true",
  ];
  const main = `run --allow-all --v8-flags=--expose-gc ${ROOT}runtime/cli/main.ts`;
  const flags = sets.flatMap((set) => ["--set", set]).join(" ");
  const ended = await runWell(`deno ${main} start --connector ./my_lines.js --until-caught-up ${flags}`, scratch.dir);
  const result = resultOf(ended);
  assertEquals(result.connector, "my_lines");
  assertEquals([result.records, result.rows], [4, 2]);
  assertEquals(result.rejects.map(({ stage, reason, count }) => [stage, reason, count]), [
    ["VALUE_CONVERTER", "another number of values", 1],
    ["TASK_PUT", "no elms", 1],
  ]);
  assertEquals(await Deno.readTextFile(`${scratch.dir}/out.txt`), "oak\nash\n");
});

Deno.test("start names what is wrong with a module, and its key", async () => {
  await using scratch = await Scratch.make();
  const modules: Readonly<Record<string, string>> = {
    "syntax.ts": "export const = 1;",
    "throws.ts": "throw new Error('no licence');",
    "imports.ts": 'import "./nowhere.ts";',
    "empty.ts": "export const greeting = 'hello';",
  };
  for (const [file, text] of Object.entries(modules)) await Deno.writeTextFile(`${scratch.dir}/${file}`, text);
  const config = await scratch.config({ topics: ["t"] });
  const text = await Deno.readTextFile(config);
  const configured = Object.keys(modules).map((file) => {
    const { connectors: { [scratch.name]: options } } = JSON.parse(text);
    return [file.replace(".ts", ""), { ...options, connector: `./${file}` }];
  });
  await Deno.writeTextFile(config, JSON.stringify({ ...JSON.parse(text), connectors: Object.fromEntries(configured) }));
  const ended = await scratch.run("start", "--config", config).end();
  assertEquals(ended.code, 2, ended.stderr);
  for (
    const line of [
      "connectors.syntax.connector = ./syntax.ts: cannot be loaded: ",
      "connectors.throws.connector = ./throws.ts: cannot be loaded: Error: no licence",
      "connectors.imports.connector = ./imports.ts: cannot be loaded: ",
      "connectors.empty.connector = ./empty.ts: exports no connector: it exports greeting; export a connector: ",
    ]
  ) assertStringIncludes(ended.stderr, line);
});

const LINES = `
import { DataError, option, types } from "@sluice/sluice";
import { Field } from "apache-arrow";

if (!(types.field("x", types.int32()) instanceof Field)) throw new Error("There are two copies of Arrow");

export default {
  name: "my-lines",
  version: "1.0.0",
  options: { "out.file": option.string({ doc: "The file." }) },
  check: () => Promise.resolve(),
  createTask({ values }, context) {
    let [share, lines] = [null, []];
    return Promise.resolve({
      open: () => Promise.resolve(),
      put(batch) {
        const { topic, topicId, partition, from, to } = batch;
        share = { topic, topicId, partition, from: share?.from ?? from, to, fromAbsent: from === 0n };
        for (const [row, { value }] of [...batch.records()].entries()) {
          if (value.name !== "elm") lines.push(value.name);
          else context.reject(batch, row, new DataError("Cannot take an elm", { reason: "no elms" }));
        }
        return Promise.resolve();
      },
      async preCommit() {
        if (share === null) return [];
        await Deno.writeTextFile(values["out.file"], lines.map((line) => line + "\\n").join(""), { append: true });
        const stats = { rows: lines.length, files: 1, bytes: 0, timestampMsMax: null };
        const shares = [{ id: context.uuid(), table: values["out.file"], ranges: [share], staged: null, stats }];
        [share, lines] = [null, []];
        return shares;
      },
      close: () => Promise.resolve([]),
      stop: () => Promise.resolve(),
    });
  },
};
`;
