/**
 * Somebody else's program on the same topics: a command that is called with TOPIC RECORDS TASKS COMMIT_MS and prints a
 * JSON line of figures (`records_per_s`, `cpu_s`, `peak_rss_mb`, `rows`, ...) as its last one. The broker's address is
 * in BOOTSTRAP, the topic's columns in COLUMNS ("id:long name:string ...") where all of them are flat.
 *
 * @module
 */
import type { Field } from "./schemas.ts";
import { type Figures, rounded } from "./figures.ts";
import { shapeOf } from "./schemas.ts";
import type { FilledTopic } from "./topics.ts";

/** How a peer is run. */
export interface PeerOptions {
  /** As a shell takes it. */
  readonly command: string;
  readonly bootstrap: string;
  readonly registryUrl: string | null;
  readonly tasks: number;
  readonly commitMs: number;
}

/** Runs it once; throws where it fails, prints no line, or has other rows than there are records. */
export async function runPeer(topic: FilledTopic, options: PeerOptions): Promise<Figures> {
  const { command, bootstrap, registryUrl, tasks, commitMs } = options;
  const columns = columnsOf(shapeOf(topic.schema).fields);
  const { code, stdout } = await new Deno.Command("sh", {
    args: ["-c", `${command} "$@"`, "peer", topic.name, ...[topic.records, tasks, commitMs].map(String)],
    env: {
      BOOTSTRAP: bootstrap,
      FORMAT: topic.format,
      ...(columns ? { COLUMNS: columns } : {}),
      ...(registryUrl ? { SCHEMA_REGISTRY_URL: registryUrl } : {}),
    },
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) throw new Error(`The peer ended with ${code}:\n${text.slice(-2000)}`);
  return peerFigures(text, topic);
}

/** What a peer printed, with what can be told from it. */
export function peerFigures(printed: string, topic: FilledTopic): Figures {
  const line = printed.trim().split("\n").at(-1) ?? "";
  let figures: Figures;
  try {
    figures = JSON.parse(line);
  } catch {
    throw new Error(`The peer's last line is no JSON: ${line.slice(0, 500)}`);
  }
  const { rows, cpu_s: cpuS } = figures;
  if (rows !== undefined && rows !== topic.records) {
    throw new Error(`The peer has ${rows} rows, wanted ${topic.records}`);
  }
  return {
    bench: "peer",
    ...figures,
    ...(typeof cpuS === "number" ? { cpu_s_per_million: rounded(cpuS / (topic.records / 1e6)) } : {}),
  };
}

function columnsOf(fields: readonly Field[]): string | null {
  if (fields.some(({ type }) => typeof type !== "string")) return null;
  return fields.map(({ name, type }) => `${name}:${type}`).join(" ");
}
