import { assert, assertEquals } from "@std/assert";
import { collectingLog } from "../../tests/support/log.ts";
import { MemoryWorker } from "../../tests/support/memory_worker.ts";
import { plugins } from "../cli/parts.ts";
import { createLog } from "../log.ts";
import type { WorkerApi } from "../worker_api.ts";
import { BODY_BYTES_MAX } from "./answers.ts";
import { connectRoutes } from "./connect_api.ts";
import { startHttpServer } from "./server.ts";

const CONFIG = {
  "connector.class": "file-sink",
  "topics": "orders",
  "value.converter": "json",
  "file.path": "/data/lines",
  "tasks.max": "2",
};
const JSON_TYPE = { "content-type": "application/json" };

async function withApi(
  test: (api: Api) => Promise<void>,
  wrap: (worker: MemoryWorker) => WorkerApi = (worker) => worker,
): Promise<void> {
  const worker = new MemoryWorker(plugins);
  const log = collectingLog();
  const passed: unknown[] = [];
  const server = startHttpServer({
    listen: "127.0.0.1:0",
    metrics: { text: () => Promise.resolve(""), contentType: "text/plain" },
    health: () => ({ ready: true, reasons: [] }),
    log,
    later: () =>
      Promise.resolve(connectRoutes({
        worker: wrap(worker),
        plugins,
        log,
        version: "1.2.3",
        passedOn: new Map(),
        references: { environment: {}, readTextFile: () => Promise.reject(new Deno.errors.NotFound()) },
        levels: createLog({ level: "info", format: "text", sink: () => {} }),
        passLevels: (levels) => passed.push(levels),
      })),
  })!;
  const ask: Api["ask"] = async (method, path, body, headers = body === undefined ? {} : JSON_TYPE) => {
    const text = body === undefined || body instanceof Uint8Array || typeof body === "string"
      ? body
      : JSON.stringify(body);
    const init = { method, body: text as BodyInit | undefined, headers };
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    const answer = await response.text();
    return {
      status: response.status,
      body: answer === "" ? null : JSON.parse(answer),
      text: answer,
      headers: response.headers,
    };
  };
  try {
    await test({
      ask,
      worker,
      log,
      port: server.port,
      passed,
      create: () => ask("POST", "/connectors", { name: "orders", config: CONFIG }),
    });
  } finally {
    await server.stop();
  }
}

interface Api {
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<{
    status: number;
    // deno-lint-ignore no-explicit-any -- answers are looked into by many tests
    body: any;
    text: string;
    headers: Headers;
  }>;
  create(): ReturnType<Api["ask"]>;
  readonly worker: MemoryWorker;
  readonly port: number;
  readonly log: ReturnType<typeof collectingLog>;
  readonly passed: unknown[];
}

const INFO = {
  name: "orders",
  config: { name: "orders", ...CONFIG },
  tasks: [{ connector: "orders", task: 0 }, { connector: "orders", task: 1 }],
  type: "sink",
};
const state = (name: string) => ({ state: name, worker_id: "127.0.0.1:8083" });
const STATUS = {
  name: "orders",
  connector: state("RUNNING"),
  tasks: [{ id: 0, ...state("RUNNING") }, { id: 1, ...state("RUNNING") }],
  type: "sink",
};
const OFFSETS = {
  offsets: [{ partition: { kafka_topic: "orders", kafka_partition: 0 }, offset: { kafka_offset: 5 } }],
};

/** What each request answers while the connector "orders" runs; undefined: whatever. */
const ANSWERS: [method: string, path: string, body: unknown, status: number, answer?: unknown][] = [
  ["GET", "/", undefined, 200, { version: "1.2.3", commit: "unknown", kafka_cluster_id: "memory-cluster" }],
  ["GET", "/connectors", undefined, 200, ["orders"]],
  ["GET", "/connectors/", undefined, 200, ["orders"]],
  ["GET", "/connectors?expand=status", undefined, 200, { orders: { status: STATUS } }],
  ["GET", "/connectors?expand=info", undefined, 200, { orders: { info: INFO } }],
  ["GET", "/connectors?expand=info&expand=status", undefined, 200, { orders: { info: INFO, status: STATUS } }],
  ["GET", "/connectors?expand=infos", undefined, 400],
  ["GET", "/connectors/orders", undefined, 200, INFO],
  ["GET", "/connectors/%6frders", undefined, 200, INFO],
  ["GET", "/connectors/none", undefined, 404, { error_code: 404, message: "Connector none not found" }],
  ["GET", "/connectors/orders/config", undefined, 200, INFO.config],
  ["GET", "/connectors/orders/status", undefined, 200, STATUS],
  ["GET", "/connectors/orders/tasks", undefined, 200, INFO.tasks.map((id) => ({ id, config: INFO.config }))],
  ["GET", "/connectors/orders/tasks-config", undefined, 200, { "orders-0": INFO.config, "orders-1": INFO.config }],
  ["GET", "/connectors/orders/tasks/1/status", undefined, 200, STATUS.tasks[1]],
  ["GET", "/connectors/orders/tasks/2/status", undefined, 404],
  ["GET", "/connectors/orders/topics", undefined, 200, { orders: { topics: ["orders"] } }],
  ["PUT", "/connectors/orders/topics/reset", undefined, 200, null],
  ["POST", "/connectors/orders/restart", undefined, 204, null],
  ["POST", "/connectors/orders/restart?includeTasks=False&onlyFailed=False", undefined, 204, null],
  ["POST", "/connectors/orders/restart?onlyFailed=true", undefined, 202, STATUS],
  ["POST", "/connectors/orders/restart?includeTasks=perhaps", undefined, 400],
  ["POST", "/connectors/none/restart", undefined, 404],
  ["POST", "/connectors/orders/tasks/0/restart", undefined, 204, null],
  ["POST", "/connectors/orders/tasks/7/restart", undefined, 404],
  ["POST", "/connectors/orders/tasks/x/restart", undefined, 404],
  ["PUT", "/connectors/orders/pause", undefined, 202, null],
  ["PUT", "/connectors/orders/resume", undefined, 202, null],
  ["PUT", "/connectors/orders/stop", undefined, 204, null],
  ["PUT", "/connectors/none/pause", undefined, 404],
  ["GET", "/connectors/orders/offsets", undefined, 200, OFFSETS],
  ["PATCH", "/connectors/orders/offsets", OFFSETS, 400],
  ["DELETE", "/connectors/orders/offsets", undefined, 400],
  ["POST", "/connectors", { name: "orders", config: CONFIG }, 409, {
    error_code: 409,
    message: "Connector orders already exists",
  }],
  ["POST", "/connectors", { name: "two", config: { ...CONFIG, name: "three" } }, 400],
  ["POST", "/connectors", { config: CONFIG }, 400],
  ["POST", "/connectors", { name: "two", config: CONFIG, initial_state: "FAILED" }, 400],
  ["POST", "/connectors", { name: "two", config: CONFIG, initialState: "PAUSED" }, 400],
  ["POST", "/connectors", { name: "two", config: { ...CONFIG, nested: { a: 1 } } }, 400],
  ["POST", "/connectors", { name: "two", config: [] }, 400],
  ["POST", "/connectors", [], 400],
  ["POST", "/connectors", undefined, 400],
  ["POST", "/connectors", "{", 400, { error_code: 400, message: "The body is not valid JSON" }],
  ["POST", "/connectors", new Uint8Array([0xff, 0xfe]), 400],
  ["PUT", "/connectors/orders/config", { ...CONFIG, "tasks.max": 1 }, 200],
  ["PUT", "/connectors/orders/config", { ...CONFIG, name: "other" }, 400],
  ["PUT", "/connectors/orders/config", { ...CONFIG, topics: null }, 400],
  ["PATCH", "/connectors/orders/config", { "tasks.max": "1" }, 200],
  ["PATCH", "/connectors/orders/config", { name: "other" }, 400],
  ["PATCH", "/connectors/none/config", {}, 404],
  ["DELETE", "/connectors/orders", undefined, 204, null],
  ["DELETE", "/connectors/none", undefined, 404],
  ["POST", "/connectors/orders/tasks", [], 405],
  ["PUT", "/connectors", {}, 405],
  ["GET", "/connectors/orders/pause", undefined, 405],
  ["GET", "/nothing", undefined, 404],
  ["GET", "/connector-plugins/delta-sink/none", undefined, 404],
  ["GET", "/connector-plugins/nothing/config", undefined, 404],
  ["PUT", "/connector-plugins/nothing/config/validate", {}, 404],
  ["PUT", "/connector-plugins/delta-sink/config/validate", CONFIG, 400, {
    error_code: 400,
    message: "Included connector type file-sink does not match request type delta-sink",
  }],
  ["GET", "/admin/loggers", undefined, 200, {
    "connector.orders": { level: "INFO", last_modified: null },
    "root": { level: "INFO", last_modified: null },
  }],
  ["GET", "/admin/loggers/root", undefined, 200, { level: "INFO", last_modified: null }],
  ["GET", "/admin/loggers/org.apache", undefined, 404],
  ["PUT", "/admin/loggers/root", { level: "loud" }, 404],
  ["PUT", "/admin/loggers/root", {}, 400],
  ["PUT", "/admin/loggers/root", { level: "debug" }, 200, ["connector.orders", "root"]],
  ["PUT", "/admin/loggers/connector.orders?scope=cluster", { level: "WARN" }, 204, null],
  ["PUT", "/admin/loggers/connector.orders?scope=galaxy", { level: "WARN" }, 400],
];

for (const [method, path, body, status, answer] of ANSWERS) {
  const shown = body === undefined ? "" : ` ${body instanceof Uint8Array ? "bytes" : JSON.stringify(body)}`;
  Deno.test(`connectRoutes() answers ${status} to ${method} ${path}${shown.slice(0, 60)}`, () =>
    withApi(async ({ ask, create }) => {
      assertEquals((await create()).status, 201);
      const found = await ask(method, path, body);
      assertEquals(found.status, status, found.text);
      if (answer !== undefined) assertEquals(found.body, answer);
      if (status >= 400) {
        assertEquals(Object.keys(found.body), ["error_code", "message"]);
        assertEquals(found.body.error_code, status);
      }
    }));
}

Deno.test("connectRoutes() creates by POST and PUT, and says where", () =>
  withApi(async ({ ask, create }) => {
    const created = await create();
    assertEquals(created.body, INFO);
    assert(created.headers.get("location")!.endsWith("/connectors/orders"));
    const put = await ask("PUT", "/connectors/more%2elines/config", CONFIG);
    assertEquals([put.status, put.body.name, put.body.config.name], [201, "more.lines", "more.lines"]);
    const paused = await ask("POST", "/connectors", { name: "paused", config: CONFIG, initial_state: "paused" });
    assertEquals(paused.status, 201);
    assertEquals((await ask("GET", "/connectors/paused/status")).body.connector.state, "PAUSED");
    const patched = await ask("PATCH", "/connectors/orders/config", { "tasks.max": null, "commit.interval.ms": 1000 });
    assertEquals(patched.body.tasks.length, 1);
    assertEquals([patched.body.config["tasks.max"], patched.body.config["commit.interval.ms"]], [undefined, "1000"]);
  }));

Deno.test("connectRoutes() says in Connect's words what is wrong with a configuration", () =>
  withApi(async ({ ask }) => {
    const config = { ...CONFIG, "tasks.max": "x", "topcs": "t" };
    const { status, body } = await ask("POST", "/connectors", { name: "orders", config });
    assertEquals(status, 400);
    const [first, ...rest] = body.message.split("\n");
    assertEquals(first, "Connector configuration is invalid and contains the following 2 error(s):");
    assert(rest.some((line: string) => /^topcs: is no option; did you mean "topics"/.test(line)), body.message);
    assert(rest.at(-1).includes("/connector-plugins/{connectorType}/config/validate"));
  }));

Deno.test("connectRoutes() restarts what failed, and shows why it had", () =>
  withApi(async ({ ask, create, worker }) => {
    await create();
    worker.fail("orders", 1, "FatalError: no table");
    const failed = (await ask("GET", "/connectors/orders/status")).body.tasks[1];
    assertEquals([failed.state, failed.trace], ["FAILED", "FatalError: no table"]);
    const { status, body } = await ask("POST", "/connectors/orders/restart?includeTasks=true&onlyFailed=true");
    assertEquals([status, body.tasks.map((task: { state: string }) => task.state)], [202, ["RUNNING", "RESTARTING"]]);
  }));

Deno.test("connectRoutes() alters and resets offsets of a stopped connector, exactly", () =>
  withApi(async ({ ask, create }) => {
    await create();
    await ask("PUT", "/connectors/orders/stop");
    const path = "/connectors/orders/offsets";
    const at = (kafka_partition: number, kafka_offset: unknown) => ({
      partition: { kafka_topic: "orders", kafka_partition },
      offset: kafka_offset === null ? null : { kafka_offset },
    });
    const offsets = [at(0, null), at(1, 7), at(2, "9007199254740993")];
    const altered = await ask("PATCH", path, { offsets });
    assertEquals(altered.body, { message: "The offsets for this connector have been altered successfully" });
    assert((await ask("GET", path)).text.includes('"kafka_offset":9007199254740993}'));
    for (
      const wrong of [[], "x", [at(0, -1)], [at(0, 1.5)], [at(0, 2 ** 60)], [at(-1, 1)], [at(0, 1), at(0, 2)], [{}], [{
        ...at(0, 1),
        more: 1,
      }], [at(0, "9223372036854775808")]]
    ) {
      assertEquals((await ask("PATCH", path, { offsets: wrong })).status, 400, JSON.stringify(wrong));
    }
    const reset = await ask("DELETE", path);
    assertEquals(reset.body, { message: "The offsets for this connector have been reset successfully" });
    assertEquals((await ask("GET", path)).body, { offsets: [] });
  }));

Deno.test("connectRoutes() lists plugins and describes their options", () =>
  withApi(async ({ ask }) => {
    const sinks = (await ask("GET", "/connector-plugins")).body;
    assertEquals(sinks.map((each: { class: string }) => each.class), ["delta-sink", "file-sink"]);
    assert(sinks.every((each: { type: string; version: string }) => each.type === "sink" && each.version));
    const all = (await ask("GET", "/connector-plugins?connectorsOnly=false")).body;
    const types = new Set(all.map((each: { type: string }) => each.type));
    assertEquals([...types], ["sink", "converter", "header_converter", "transformation", "predicate"]);
    for (const [plugin, key] of [["delta-sink", "table.uri"], ["avro", "schema.registry.url"], ["InsertField", ""]]) {
      const { status, body } = await ask("GET", `/connector-plugins/${plugin}/config`);
      assertEquals(status, 200);
      assert(key === "" || body.some((each: { name: string }) => each.name === key), plugin);
    }
    const { status, body } = await ask("PUT", "/connector-plugins/FileSinkConnector/config/validate", { topics: "t" });
    assertEquals([status, body.name], [200, "FileSinkConnector"]);
    assert(body.error_count >= 2 && body.configs.length > 20);
  }));

Deno.test("connectRoutes() validates masks as the secrets that they stand for, and names those that stand for none", () =>
  withApi(async ({ ask, create }) => {
    await create();
    const password = "consumer.override.sasl.password";
    const mechanism = { "consumer.override.sasl.mechanism": "[hidden]" };
    const secrets = { [password]: "hush", "consumer.override.sasl.mechanism": "PLAIN" };
    await ask("PUT", "/connectors/orders/config", { ...CONFIG, ...secrets });
    const validate = async (config: Record<string, string>) => {
      const { status, body, text } = await ask("PUT", "/connector-plugins/file-sink/config/validate", config);
      assertEquals([status, text.includes("hush")], [200, false], text);
      const of = (key: string) =>
        body.configs.find(({ value }: { value: { name: string } }) => value.name === key)?.value;
      return { count: body.error_count, of };
    };
    const known = await validate({ ...CONFIG, name: "orders", [password]: "[hidden]", ...mechanism });
    assertEquals([known.count, known.of(password).value], [0, "[hidden]"]);
    for (const name of ["other", "orders"]) {
      const key = name === "other" ? password : "consumer.override.ssl.key.password";
      const { count, of } = await validate({ ...CONFIG, name, [key]: "[hidden]" });
      const { value, errors } = of(key);
      assertEquals([count, value, errors.length], [1, "[hidden]", 1]);
      assert(errors[0].includes(`connector "${name}" has none`), errors[0]);
    }
  }));

Deno.test("connectRoutes() sets levels of the log here and on the threads", () =>
  withApi(async ({ ask, create, passed }) => {
    await create();
    const set = await ask("PUT", "/admin/loggers/connector.orders", { level: "TRACE" });
    assertEquals(set.body, ["connector.orders"]);
    assertEquals((await ask("GET", "/admin/loggers/connector.orders")).body.level, "DEBUG");
    assertEquals(passed, [[["root", "info"], ["connector.orders", "debug"]]]);
  }));

Deno.test("connectRoutes() bounds bodies and wants JSON", () =>
  withApi(async ({ ask }) => {
    const body = { name: "orders", config: CONFIG };
    assertEquals(
      (await ask("POST", "/connectors", JSON.stringify(body), { "content-type": "text/plain" })).status,
      415,
    );
    const padded = JSON.stringify(body) + " ".repeat(BODY_BYTES_MAX);
    assertEquals((await ask("POST", "/connectors", padded)).status, 413);
    const charset = { "content-type": "application/json; charset=utf-8" };
    assertEquals((await ask("POST", "/connectors", JSON.stringify(body), charset)).status, 201);
    const hostile = '{"name":"p","config":{"__proto__":"x","connector.class":"file-sink"}}';
    assert((await ask("POST", "/connectors", hostile)).body.message.includes("__proto__: is no option"));
  }));

Deno.test("connectRoutes() takes a client that breaks off its body for no bug", () =>
  withApi(async ({ ask, log, port }) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const head =
      "POST /connectors HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    await connection.write(new TextEncoder().encode(head));
    await ask("GET", "/connectors"); // it has begun to read by now
    await connection.closeWrite();
    for await (const _ of connection.readable); // until we are hung up on
    assertEquals((await ask("GET", "/connectors")).status, 200);
    assertEquals(log.lines.filter(({ level }) => level === "error"), []);
  }));

Deno.test("connectRoutes() logs a bug and does not show it", () =>
  withApi(
    async ({ ask, log }) => {
      const { status, text } = await ask("GET", "/connectors");
      assertEquals([status, text.includes("s3cret")], [500, false]);
      assert(String(log.lines.at(-1)?.fields.error).includes("s3cret"));
    },
    (worker) =>
      Object.assign(Object.create(worker), {
        names: () => {
          throw new Error("s3cret");
        },
      }),
  ));
