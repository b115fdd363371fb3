import { assert, assertEquals } from "@std/assert";
import { createMetrics } from "../runtime/metrics.ts";
import { readYaml } from "./support/configuration.ts";

const ROOT = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", ROOT));
const project = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
const [example, secrets, rules] = [...readme.matchAll(/```yaml\n([^]*?)```/g)].map(([, text]) => text);

Deno.test("README.md: the configuration example is accepted", async () => {
  const { instances } = await readYaml(example);
  assertEquals(instances.map(({ name, topics }) => ({ name, topics })), [
    { name: "orders", topics: ["orders", "clicks"] },
  ]);
});

Deno.test("README.md: the example with secrets is accepted, and its references are resolved", async () => {
  const { worker } = await readYaml(secrets, {
    environment: { KAFKA_USER: "sluice" },
    files: { "/run/secrets/kafka.properties": "password=hidden", "/run/secrets/registry-token": "token\n" },
  });
  assertEquals(worker["sasl.username"], "sluice");
  assertEquals(worker["sasl.password"]?.reveal(), "hidden");
});

Deno.test("README.md: the example of rules and JSON text is accepted", async () => {
  const { instances: [orders] } = await readYaml(`${example}${rules.replaceAll(/^/gm, "    ")}`);
  const { expressions, values } = orders.forTopic("orders");
  assertEquals(expressions?.map(({ name }) => name), ["paid"]);
  assertEquals(values["columns.json"], ["metadata"]);
});

Deno.test("README.md: the table of dependencies has every package", () => {
  const section = readme.slice(readme.indexOf("## Dependencies"), readme.indexOf("## Development"));
  const rows = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
  assertEquals(rows.toSorted(), Object.keys(project.imports).toSorted());
});

Deno.test("README.md: every task that it names is in deno.json", () => {
  for (const [, task] of readme.matchAll(/\bdeno(?:@[\d.]+)? task ([a-z][a-z:]*)/g)) {
    assert(project.tasks[task], `no task ${task}`);
  }
});

Deno.test("README.md: every metric that it names is served", async () => {
  const text = await createMetrics().text();
  for (const [, name] of readme.matchAll(/\b((?:kafka_connect|sluice)_[a-z_]+[a-z])\b/g)) {
    assert(text.includes(`# HELP ${name} `), `no metric ${name}`);
  }
});

Deno.test("documentation: every link to a file leads to one", () => {
  const broken: string[] = [];
  for (
    const path of ["README.md", "runtime/README.md", "connectors/README.md", "deploy/README.md", "tests/README.md"]
  ) {
    const url = new URL(path, ROOT);
    for (const [, target] of Deno.readTextFileSync(url).matchAll(/\]\(([^)#:]+)\)/g)) {
      try {
        Deno.statSync(new URL(target.replaceAll(/\s+/g, " "), url));
      } catch {
        broken.push(`${path}: ${target}`);
      }
    }
  }
  assertEquals(broken, []);
});
