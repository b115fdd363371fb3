/**
 * The tables of runtime/METRICS.md, from the declarations. `deno task docs` prints them into the file.
 *
 * @module
 */
import { createMetrics } from "../../runtime/metrics.ts";
import { CONNECT_METRICS, emittedName } from "../../runtime/metrics/connect_names.ts";

const FILE = new URL("../../runtime/METRICS.md", import.meta.url);

/** What the file holds, and what it should hold. */
export async function metricTables(): Promise<{ url: URL; held: string; wanted: string }> {
  const held = await Deno.readTextFile(FILE);
  const tables: Readonly<Record<string, string>> = { connect: connectTable(), own: ownTable() };
  const wanted = held.replaceAll(
    /(<!-- metrics:(\w+) -->\n)[\s\S]*?(<!-- \/metrics -->)/g,
    (_, begin, name, end) => `${begin}\n${tables[name]}\n${end}`,
  );
  return { url: FILE, held, wanted };
}

function connectTable(): string {
  const { declared } = createMetrics();
  const rows = Object.entries(CONNECT_METRICS).flatMap(([group, metrics]) =>
    Object.entries(metrics).map(([metric, fate]) => {
      if (fate && "absent" in fate) return [group, metric, "-", "", fate.absent];
      const name = emittedName(group, metric);
      const { labels, help } = declared.find((each) => each.name === name)!;
      return [group, metric, `\`${name}\``, labels.join(", "), help];
    })
  );
  return table(["group", "metric", "here", "labels", "what it says"], rows);
}

function ownTable(): string {
  const connects = new Set(
    Object.entries(CONNECT_METRICS).flatMap(([group, metrics]) =>
      Object.keys(metrics).map((metric) => emittedName(group, metric))
    ),
  );
  const rows = createMetrics().declared.filter(({ name }) => !connects.has(name)).map((
    { name, type, labels, help },
  ) => [
    `\`${name}\``,
    type,
    labels.join(", "),
    help,
  ]);
  return table(["name", "type", "labels", "what it says"], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}
