/**
 * Clients of Kafka Connect's REST API that are not ours drive a worker.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { plugins } from "../../runtime/cli/parts.ts";
import { createLog } from "../../runtime/log.ts";
import { connectRoutes } from "../../runtime/rest/connect_api.ts";
import { basicAuth } from "../../runtime/rest/auth.ts";
import { startHttpServer } from "../../runtime/rest/server.ts";
import { collectingLog } from "../support/log.ts";
import { MemoryWorker } from "../support/memory_worker.ts";
import { runConnectClients } from "../support/python.ts";

const SCRIPT = new URL("connect/clients.py", import.meta.url).pathname;
const [USER, PASSWORD] = ["operator", "pass word"];

Deno.test("clients from PyPI create, validate, pause, restart, alter and delete a connector", async () => {
  const log = collectingLog();
  const server = startHttpServer({
    listen: "127.0.0.1:0",
    metrics: { text: () => Promise.resolve(""), contentType: "text/plain" },
    health: () => ({ ready: true, reasons: [] }),
    log,
    security: { tls: null, hosts: [], authenticate: await basicAuth(new Map([[USER, PASSWORD]])) },
    later: () =>
      Promise.resolve(connectRoutes({
        worker: new MemoryWorker(plugins),
        plugins,
        log,
        version: "0.1.0",
        passedOn: new Map(),
        references: { environment: {}, readTextFile: Deno.readTextFile },
        levels: createLog({ level: "info", format: "text", sink: () => {} }),
        passLevels: () => {},
      })),
  })!;
  try {
    const config = {
      "name": "lines",
      "connector.class": "file-sink",
      "topics": "orders",
      "value.converter": "json",
      "file.path": "/tmp/lines",
      "tasks.max": "1",
    };
    const seen = await drive(`http://127.0.0.1:${server.port}`, config);
    assertEquals(seen, expected(config, "memory-cluster"));
  } finally {
    await server.stop();
  }
});

async function drive(url: string, config: Record<string, string>): Promise<Record<string, unknown>> {
  return JSON.parse(await runConnectClients(SCRIPT, url, USER, PASSWORD, JSON.stringify(config)));
}

function expected({ name, ...config }: Record<string, string>, cluster: string): Record<string, unknown> {
  assert(name);
  return {
    version: "0.1.0",
    cluster,
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
  };
}
