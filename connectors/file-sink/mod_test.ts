import { assertEquals, assertRejects } from "@std/assert";
import { Schema } from "apache-arrow";
import { FatalError, SinkBatch, types } from "../../mod.ts";
import { appendLines } from "./append.ts";
import { jsonLine } from "./json_lines.ts";
import { fileSink } from "./mod.ts";
import { connectorConformance } from "../../tests/conformance/connector.ts";
import { batchOf } from "../../tests/conformance/rows.ts";
import { slabOf } from "../../tests/conformance/slab.ts";

connectorConformance("file-sink", async () => {
  const folder = await Deno.makeTempDir();
  const values = { "file.path": `${folder}/out` };
  return {
    connector: fileSink,
    config: { values, forTopic: () => values },
    async read(topic) {
      const ids: bigint[] = [];
      for await (const { name } of Deno.readDir(values["file.path"])) {
        if (!name.startsWith(`${topic}-`)) continue;
        const lines = (await Deno.readTextFile(`${values["file.path"]}/${name}`)).split("\n");
        assertEquals(lines.pop(), "", "a file ends with a whole line");
        ids.push(...lines.map((line) => BigInt(JSON.parse(line).value.id)));
      }
      return ids;
    },
    cleanUp: () => Deno.remove(folder, { recursive: true }),
  };
}, { exactlyOnce: false });

Deno.test("jsonLine() writes every type so that it can be read, and no digit is lost", () => {
  const schema = new Schema([
    types.field("l", types.int64()),
    types.field("d", types.decimal(38, 2)),
    types.field("t", types.timestamp()),
    types.field("lt", types.localTimestamp()),
    types.field("day", types.date()),
    types.field("f", types.list(types.float64())),
    types.field("b", types.binary()),
    types.field("s", types.struct([types.field("x", types.boolean())])),
    types.field("m", types.map(types.utf8(), types.int8())),
  ]);
  const raw = slabOf([{}, {}], { from: 2n ** 60n, topic: "t" });
  const data = batchOf(schema, [{
    ...{ l: 2n ** 63n - 1n, d: -5n, t: 1_500_000n, lt: -1n, day: -1, f: [0.1, null, NaN, -Infinity], b: "00ff" },
    ...{ s: { x: true }, m: [['"', 1]] },
  }, {}]);
  const batch = new SinkBatch(data, { raw, rows: Int32Array.of(0, 1) }, raw.from, raw.to, Uint8Array.of(2));
  assertEquals(
    jsonLine(batch, 0),
    '{"offset":1152921504606846976,"timestamp":"2023-11-14T22:13:20Z","value":{"l":9223372036854775807,"d":-0.05,' +
      '"t":"1970-01-01T00:00:01.5Z","lt":"1969-12-31T23:59:59.999999","day":"1969-12-31","f":[0.1,null,"NaN","-Infinity"],' +
      '"b":"AP8=","s":{"x":true},"m":[["\\"",1]]}}\n',
  );
  assertEquals(JSON.parse(jsonLine(batch, 1)).value, null);
});

Deno.test("appendLines() cuts off what a crash left of a line", async () => {
  const path = await Deno.makeTempFile();
  try {
    for (const torn of ["", '{"half', "x".repeat(200_000)]) {
      await Deno.writeTextFile(path, `{"a":1}\n${torn}`);
      await appendLines(path, ['{"b":2}\n']);
      assertEquals(await Deno.readTextFile(path), '{"a":1}\n{"b":2}\n');
    }
    await Deno.writeTextFile(path, "no line at all");
    await appendLines(path, ["1\n"]);
    assertEquals(await Deno.readTextFile(path), "1\n");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("appendLines() names the file and what to do where it cannot", async () => {
  await assertRejects(() => appendLines("/nowhere/x.jsonl", ["1\n"]), FatalError, "/nowhere/x.jsonl");
});
