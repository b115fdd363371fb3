import { assert, assertEquals, assertMatch } from "@std/assert";
import { loadConfig } from "../runtime/config/load.ts";
import { readYaml } from "./support/configuration.ts";

const ROOT = new URL("../", import.meta.url).pathname;

const read = (name: string) => Deno.readTextFile(new URL(`../deploy/${name}`, import.meta.url));
/** The file's values by dotted key, e.g. `services.kafka.image`. */
const compose = loadConfig(await read("compose.yaml"), "compose.yaml", () => true).worker;
const services = new Set([...compose.keys()].flatMap((key) => /^services\.([^.]+)\./.exec(key)?.[1] ?? []));
const valueOf = (service: string, key: string) => compose.get(`services.${service}.${key}`)?.value;
const listOf = (service: string, key: string) => {
  const value = valueOf(service, key);
  return Array.isArray(value) ? value.map(String) : [];
};

/** Those that run once. */
const ONCE = ["topics", "bucket"];
const LASTING = [...services].filter((service) => !ONCE.includes(service));

Deno.test("compose.yaml has Kafka, a registry and an S3 server beside Sluice", () => {
  assertEquals(LASTING, ["kafka", "registry", "s3", "sluice"]);
});

Deno.test("compose.yaml pins every image to a version", () => {
  for (const service of services) assertMatch(String(valueOf(service, "image")), /^[\w./-]+:v?\d+\.\d+\.\d+[\w.]*$/);
});

Deno.test("compose.yaml binds every port to 127.0.0.1", () => {
  for (const service of LASTING) {
    const ports = listOf(service, "ports");
    assert(ports.length > 0, `${service} has no port`);
    for (const port of ports) assertMatch(port, /^127\.0\.0\.1:\d+:\d+$/);
  }
});

Deno.test("compose.yaml has a health check for every service", () => {
  for (const service of LASTING) {
    assert(listOf(service, "healthcheck.test").length > 1, `${service} has no health check`);
  }
});

Deno.test("deploy/sluice.yaml is accepted, and reaches the services of compose.yaml", async () => {
  const { worker, instances } = await readYaml(await read("sluice.yaml"));
  assertEquals(instances.map(({ name, topics }) => [name, topics]), [["orders", ["orders", "clicks"]]]);
  const published = [...services].flatMap((service) =>
    listOf(service, "ports").map((port) => port.replace(/:\d+$/, ""))
  );
  const addresses = [...worker["bootstrap.servers"], ...worker["schema.registry.url"].map((url) => new URL(url).host)];
  assertEquals(addresses.filter((address) => !published.includes(address)), []);
});

Deno.test("deploy/sluice.yaml with compose.yaml's environment reaches the other containers by their names", async () => {
  const prefix = "services.sluice.environment.";
  const environment = Object.fromEntries(
    [...compose].filter(([key]) => key.startsWith(prefix))
      .map(([key, { value }]) => [key.slice(prefix.length), String(value).replaceAll("$$", "$")]),
  );
  const { worker, instances } = await readYaml(await read("sluice.yaml"), { environment });
  const [{ connectorConfig: { values } }] = instances;
  const urls = [...worker["schema.registry.url"], String(values["s3.endpoint"])].map((url) => new URL(url).hostname);
  const hosts = [...worker["bootstrap.servers"].map((address) => address.split(":")[0]), ...urls];
  assertEquals(hosts.filter((host) => !services.has(host)), []);
  assertEquals(values["table.uri"], "s3://lake/${topic}");
});

Deno.test("compose.yaml runs Sluice without rights and on a root that is read only", () => {
  assertEquals(valueOf("sluice", "read_only"), true);
  assertEquals(listOf("sluice", "cap_drop"), ["ALL"]);
});

/** Instructions with their arguments. */
const dockerfile = (await read("Dockerfile")).replace(/\\\n\s*/g, "").split("\n")
  .flatMap((line) => /^([A-Z]+) (.*)$/.exec(line)?.slice(1) ? [/^([A-Z]+) (.*)$/.exec(line)!.slice(1)] : []);
const argumentsOf = (instruction: string) =>
  dockerfile.filter(([name]) => name === instruction).map(([, rest]) => rest);

Deno.test("the Dockerfile has two stages, ends without root, and checks the health by the program itself", () => {
  assertEquals(argumentsOf("FROM").length, 2);
  assertMatch(argumentsOf("FROM")[0], new RegExp(`^denoland/deno:${Deno.version.deno} AS build$`));
  assertMatch(argumentsOf("USER").at(-1)!, /^[1-9]\d*:[1-9]\d*$/);
  assertMatch(argumentsOf("HEALTHCHECK")[0], /CMD \["\/usr\/local\/bin\/sluice", "health"\]$/);
});

Deno.test("the Dockerfile's build stage is given all that the build takes", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-build-" });
  try {
    for (const text of argumentsOf("COPY").filter((copy) => !copy.startsWith("--from="))) {
      const words = text.split(" ");
      const target = `${folder}/${words.pop()!}`;
      for (const source of words) {
        await copy(`${ROOT}${source}`, target.endsWith("/") ? `${target}${base(source)}` : target);
      }
    }
    const [, build] = argumentsOf("RUN");
    const [program, ...args] = build.replace("/build/", `${folder}/`).split(" ");
    assertEquals(program, "deno");
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, "--no-check"],
      cwd: folder,
      env: { DENORT_BIN: Deno.execPath() }, // the real one is fetched by who builds the image
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assert((await Deno.stat(`${folder}/sluice`)).size > 50_000_000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

function base(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A file, or a folder without what .dockerignore leaves out. */
async function copy(source: string, target: string): Promise<void> {
  if (!(await Deno.stat(source)).isDirectory) {
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    return await Deno.copyFile(source, target);
  }
  for await (const { name } of Deno.readDir(source)) {
    if (!/_(test|bench)\.ts$/.test(name)) await copy(`${source}/${name}`, `${target}/${name}`);
  }
}
