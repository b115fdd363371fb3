/**
 * A new project: its files, for whatever kind of plugin.
 *
 * @module
 */
import project from "../../../deno.json" with { type: "json" };
import { CONNECTOR } from "./connector.ts";
import { CONVERTER } from "./converter.ts";
import { TRANSFORM } from "./transform.ts";

/** What can be made. */
export const TEMPLATES = { connector: CONNECTOR, transform: TRANSFORM, converter: CONVERTER };

/** Texts by file name; `NAME` is `my-sink` and `IDENT` mySink in them, `SLUICE` the program. */
export type Template = Readonly<Record<string, string>>;

/** The files of a project, by name. `name` is in words with - between them. */
export function projectFiles(template: Template, name: string): Map<string, string> {
  const camel = name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const filled = (text: string) =>
    text.replaceAll("NAME", name).replaceAll("IDENT", camel).replaceAll("SLUICE", COMMAND);
  const files = Object.entries(template).map(([file, text]): [string, string] => [file, filled(text)]);
  return new Map([...files, ["send.ts", SEND], ["deno.json", denoJson()]]);
}

/** What a project sends records with; the program has other doors to Kafka. */
const CLIENT = "kafkajs";

/** In every project: for records to try it with. */
const SEND =
  `/** Sends records to the topic of sluice.yaml, which is made where there is none: \`deno run -A send.ts TEXT...\`. */
import process from "node:process";
import { Kafka, logLevel } from "${CLIENT}";

const config = await Deno.readTextFile(new URL("sluice.yaml", import.meta.url));
const [, servers] = /^bootstrap\\.servers: (.+)$/m.exec(config)!;
const [, topic] = /^ +topics: \\[(.+)\\]$/m.exec(config)!;
process.removeAllListeners("warning"); // kafkajs gives timers negative times
const kafka = new Kafka({ brokers: servers.split(","), logLevel: logLevel.NOTHING });
const [admin, producer] = [kafka.admin(), kafka.producer()];
await Promise.all([admin.connect(), producer.connect()]);
await admin.createTopics({ topics: [{ topic }], waitForLeaders: true });
await producer.send({ topic, messages: Deno.args.map((value) => ({ value })) });
await Promise.all([admin.disconnect(), producer.disconnect()]);
console.log(\`Sent \${Deno.args.length} to \${topic}\`);
`;

/** The checkout that this program is of; null: it is one file, compiled. */
const CHECKOUT = Deno.build.standalone ? null : new URL("../../../", import.meta.url);
const COMMAND = CHECKOUT === null ? "sluice" : "deno task sluice";

/**
 * How the project finds us: this very checkout, or the release that has our version. While `start` runs, our own names hold
 * for all modules, so that a plugin is given the classes that we have.
 */
function denoJson(): string {
  const imports: Record<string, string> = CHECKOUT === null
    ? {
      "@sluice/sluice": `jsr:@sluice/sluice@${project.version}`,
      "@sluice/sluice/conformance": `jsr:@sluice/sluice@${project.version}/conformance`,
    }
    : {
      "@sluice/sluice": new URL(project.exports["."], CHECKOUT).href,
      "@sluice/sluice/conformance": new URL(project.exports["./conformance"], CHECKOUT).href,
    };
  const assert = project.imports["@std/assert"];
  imports["@std/assert"] = CHECKOUT === null ? "jsr:@std/assert@1" : new URL(assert, CHECKOUT).href;
  for (const name of ["apache-arrow", "fast-check", CLIENT] as const) imports[name] = project.imports[name];
  const main = CHECKOUT && new URL("runtime/cli/main.ts", CHECKOUT).href;
  const tasks = main === null ? {} : { sluice: project.tasks.start.replace("runtime/cli/main.ts start", `"${main}"`) };
  const { compilerOptions } = project;
  const { lineWidth } = project.fmt;
  const config = { nodeModulesDir: "none", imports, tasks, compilerOptions, fmt: { lineWidth } };
  return `${JSON.stringify(config, null, 2)}\n`;
}
