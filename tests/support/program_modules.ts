/**
 * What the program can load: Deno's own view of its modules, those of its threads included.
 *
 * @module
 */
const ROOT = new URL("../../", import.meta.url).pathname;
/** The program, and the threads that no import leads to (deploy/compile.ts names them too). */
const ENTRIES = ["runtime/cli/main.ts", "connectors/delta-sink/maintenance/checkpoint_thread.ts"];

interface Graph {
  readonly roots: readonly string[];
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
  }[];
  readonly npmPackages: Readonly<Record<string, { readonly name: string }>>;
}

/** Modules by their paths from the root of the checkout, and packages by name. */
export async function programModules(): Promise<{ modules: string[]; packages: string[] }> {
  const graphs = await Promise.all(ENTRIES.map(graphOf));
  const modules = new Set(graphs.flatMap(loaded).filter((module) => module.startsWith("file:")));
  const packages = new Set(graphs.flatMap(({ npmPackages }) => Object.values(npmPackages).map(({ name }) => name)));
  return {
    modules: [...modules].map((module) => new URL(module).pathname.slice(ROOT.length)),
    packages: [...packages],
  };
}

async function graphOf(entry: string): Promise<Graph> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json", entry], cwd: ROOT, stderr: "inherit" });
  return JSON.parse(new TextDecoder().decode((await command.output()).stdout));
}

/** What is imported for its types alone is not loaded. */
function loaded({ roots, modules }: Graph): string[] {
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const found = new Set(roots);
  for (const specifier of found) {
    for (const { code } of byName.get(specifier)?.dependencies ?? []) if (code) found.add(code.specifier);
  }
  return [...found];
}
