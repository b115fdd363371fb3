/**
 * Clients of Kafka Connect's REST API that are not ours drive the program.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Scratch } from "../integration/program.ts";
import { makeTopic } from "../integration/support.ts";
import { json, produce } from "../integration/topics.ts";
import { runConnectClients } from "../support/python.ts";

const SCRIPT = new URL("connect/clients.py", import.meta.url).pathname;
const [USER, PASSWORD] = ["operator", "pass word"];

Deno.test("clients from PyPI create, validate, pause, restart, alter and delete a connector", async () => {
  await using scratch = await Scratch.make();
  const topic = scratch.name;
  await makeTopic(scratch.bootstrap, 1, {}, topic);
  await produce(scratch.bootstrap, topic, [0, 1, 2, 3, 4].map((id) => json({ id })));
  const worker = `${scratch.dir}/worker.yaml`;
  await Deno.writeTextFile(
    worker,
    JSON.stringify({
      "bootstrap.servers": scratch.bootstrap,
      "http.listen": "127.0.0.1:0",
      "http.auth": "basic",
      "http.auth.users": { [USER]: PASSWORD },
    }),
  );
  const program = scratch.run("start", "--config", worker);
  await program.says("Serving");
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(program.stderr)![0];
  const { name, ...config } = {
    "name": `${topic}.clients`,
    "connector.class": "io.sluice.DeltaSinkConnector",
    "topics": topic,
    "value.converter": "json",
    "table.uri": scratch.table(topic),
    "tasks.max": "1",
    "commit.interval.ms": "300",
  };
  const args = [url, USER, PASSWORD, JSON.stringify({ name, ...config }), "until it is read again"];
  const { cluster, ...seen } = JSON.parse(await runConnectClients(SCRIPT, ...args));
  assertEquals(typeof cluster, "string");
  assertEquals(seen, {
    version: "0.1.0",
    plugins: ["delta-sink", "file-sink"],
    wrong_password: 401,
    errors: 0,
    wrong: ["tasks.max"],
    created: name,
    listed: [name],
    expanded: "RUNNING",
    exists: [true, config["connector.class"]],
    config: { name, ...config },
    topics: [name],
    tasks: 1,
    task_states: ["RUNNING"],
    updated: "500",
    levels: ["DEBUG", "INFO"],
    altered_running: 400,
    altered: [200, "The offsets for this connector have been altered successfully"],
    offset: { "0": 2 },
    reset: 200,
    left: [],
  });
  // Read once as a whole, and again from offset 2.
  assertEquals((await scratch.inspect(topic)).rows, 8);
  assertEquals((await program.stop()).code, 0);
});
