import { assert, assertEquals } from "@std/assert";

const MAIN = new URL("main.ts", import.meta.url).pathname;

async function run(yaml: string, ...args: string[]) {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/sluice.yaml`;
    await Deno.writeTextFile(path, yaml.replaceAll("DIR", dir));
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--no-check", MAIN, args[0], "--config", path, ...args.slice(1)],
    });
    const { code, stdout, stderr } = await command.output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out, error };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const config = (more: string) => `
bootstrap.servers: 127.0.0.1:1
connectors:
  lines:
    connector: file-sink
    topics: orders
    value.converter: json
    errors.retry.timeout: 0
    file.path: DIR/lines
${more}`;

Deno.test("validate names every problem by its key and exits with 2", async () => {
  const more = "    tasks.max: x\n    comit.interval.ms: 1s\n    consumer.override.fetch.max.byte: 1\n";
  const { code, out } = await run(config(more), "validate", "--offline", "--json");
  const { valid, problems } = JSON.parse(out);
  assertEquals([code, valid], [2, false]);
  assertEquals(problems.map(({ key }: { key: string }) => key), [
    "connectors.lines.comit.interval.ms",
    "connectors.lines.tasks.max",
  ]);
  const clients = await run(config("    consumer.override.fetch.max.byte: 1\n"), "validate", "--offline");
  assertEquals(clients.code, 2);
  assert(/consumer\.override\.fetch\.max\.byte: no such consumer setting/.test(clients.out), clients.out);
});

Deno.test("validate offline accepts what is right, and online says what is not there", async () => {
  const offline = await run(config(""), "validate", "--offline");
  assertEquals([offline.code, offline.out], [0, "The configuration is accepted: lines\n"], offline.error);
  const online = await run(config(""), "validate", "--json");
  const { valid, checks } = JSON.parse(online.out);
  assertEquals([online.code, valid], [1, false], online.error);
  assertEquals(checks.map(({ what, ok }: { what: string; ok: boolean }) => [what, ok]), [
    ["kafka", false],
    ["target", true],
  ]);
});

Deno.test("validate asks for the targets of the topics that are named where Kafka does not answer", async () => {
  const table = (more: string) =>
    config(more).replace("file-sink", "delta-sink").replace(/file\.path.*/, "table.uri: /proc/nowhere/${topic}");
  const { checks } = JSON.parse((await run(table(""), "validate", "--json")).out);
  const target = checks.find(({ what }: { what: string }) => what === "target");
  assert(target.ok === false && target.detail.includes("/proc/nowhere/orders"), target.detail);
  const pattern = await run(table("").replace("topics: orders", "topics.regex: o.*"), "validate", "--json");
  const open = JSON.parse(pattern.out).checks.find(({ what }: { what: string }) => what === "target");
  assert(open.ok && open.detail.includes("not asked"), pattern.out);
});

Deno.test("explain prints options with where they come from, or only those that were given", async () => {
  const { code, out } = await run(config(""), "explain", "--given", "--set", "tasks.max=2");
  assertEquals(code, 0);
  assert(/^ {2}tasks\.max +2 +--set$/m.test(out), out);
  assert(!out.includes("commit.timeout.ms"), out);
  const { connectors } = JSON.parse((await run(config(""), "explain", "--json")).out);
  assert(
    connectors.lines.some(({ key, from }: { key: string; from: string }) =>
      key === "commit.timeout.ms" && from === "default"
    ),
  );
});
