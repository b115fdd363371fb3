/**
 * `deno task compile [DENO COMPILE FLAGS]`: one executable with everything inside. A thread's module is named here, since
 * no import leads to it, and what cannot be packed is left out.
 *
 * @module
 */

/** Data files without an extension, which the compiler takes for programs; prom-client never loads them. */
const EXCLUDED = { package: "bintrees", folder: "test" };
/** Modules that are loaded as threads. `runtime/cli/main.ts`, the entry, is one itself. */
const THREADS = ["connectors/delta-sink/maintenance/checkpoint_thread.ts"];

const root = new URL("..", import.meta.url).pathname;
const { tasks } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
const v8Flags = tasks.start.split(" ").filter((word: string) => word.startsWith("--v8-flags"));
const { code } = await new Deno.Command(Deno.execPath(), {
  cwd: root,
  args: [
    "compile",
    "--allow-all",
    "--no-code-cache", // as in deno.json
    ...v8Flags,
    "--output",
    "sluice",
    ...THREADS.flatMap((path) => ["--include", path]),
    ...(await excluded()).flatMap((path) => ["--exclude", path]),
    ...Deno.args,
    "runtime/cli/main.ts",
  ],
}).spawn().status;
Deno.exit(code);

/** Where the packages' cache has what is excluded. */
async function excluded(): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  const paths: string[] = [];
  for (const registry of Deno.readDirSync(npmCache)) {
    const versions = `${npmCache}/${registry.name}/${EXCLUDED.package}`;
    try {
      for (const { name } of Deno.readDirSync(versions)) paths.push(`${versions}/${name}/${EXCLUDED.folder}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // not from this registry
    }
  }
  return paths;
}
