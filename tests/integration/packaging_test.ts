/**
 * A packed program has its modules inside and nothing of the checkout beside it. Without the packed file's own runtime (which
 * must be fetched) this is shown so: the program runs as it is, and may read nothing of the checkout but these modules.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { programModules } from "../support/program_modules.ts";
import { Program, resultOf, Scratch } from "./program.ts";
import { freshName, makeTopic } from "./support.ts";
import { avroEncoder, json, produce, register } from "./topics.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

Deno.test("start reads nothing of the checkout but the modules that are packed", async () => {
  await using scratch = await Scratch.make();
  const [orders, clicks] = [await makeTopic(scratch.bootstrap), await makeTopic(scratch.bootstrap)];
  const schema = { type: "record", name: "Order", fields: [{ name: "id", type: "long" }] };
  const id = await register(scratch.registryUrl, `${orders}-value`, schema);
  const encode = avroEncoder(id, schema);
  await produce(scratch.bootstrap, orders, [1n, 2n, 3n].map((id) => ({ value: encode({ id }) })));
  await produce(scratch.bootstrap, clicks, [json({ page: "/" }), { value: "no json" }]);
  const config = await scratch.config({
    "topics": [orders, clicks],
    "value.converter": "avro",
    "per.topic": { [clicks]: { "value.converter": "json" } },
    "table.properties.delta.checkpointInterval": 1,
    "errors.deadletterqueue.topic.name": freshName("letters"),
  });
  const denied: string[] = [];
  const { modules } = await programModules();
  for await (const path of files("")) if (!modules.includes(path)) denied.push(`${ROOT}${path}`);
  assert(denied.length > 200 && modules.length > 300, "the checkout is where the program is");

  const flags = ["--allow-read", "--allow-write", "--allow-net", "--allow-env", "--allow-sys", "--allow-ffi"];
  const args = ["run", ...flags, `--deny-read=${denied.join(",")}`, "--no-prompt", "runtime/cli/main.ts"];
  const drain = async () => {
    const program = new Program([
      ...args,
      "start",
      "--connector",
      "delta-sink",
      "--config",
      config,
      "--until-caught-up",
    ]);
    scratch.defer(() => program.kill());
    return resultOf(await program.end());
  };
  const { tables, rejects } = await drain();
  assertEquals(tables.map(({ rows }) => rows).sort(), [1, 3]);
  assertEquals(rejects.map(({ count }) => count), [1]);
  await produce(scratch.bootstrap, orders, [{ value: encode({ id: 4n }) }]);
  await drain();
  const names = [...Deno.readDirSync(`${scratch.table(orders)}/_delta_log`)].map(({ name }) => name);
  assert(names.some((name) => name.endsWith(".checkpoint.parquet")), `a checkpoint among ${names}`);
});

/** All files that a checkout has, from its root. */
async function* files(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if ([".git", "data", "node_modules"].includes(path)) continue;
    if (isDirectory) yield* files(path);
    else yield path;
  }
}
