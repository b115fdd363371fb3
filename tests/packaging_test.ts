/**
 * `deno task compile`: that the one file it makes holds all that the program can load. Here it is packed around Deno itself
 * instead of Deno's runtime for such files, which would have to be fetched: what is packed can be read from the listing. That
 * the program loads nothing else when it runs is in tests/integration/packaging_test.ts.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { programModules } from "./support/program_modules.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** Packages that are there for some machines only. */
const OF_A_PLATFORM = /-(android|darwin|freebsd|linux|win32)-/;

async function deno(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, env: { NO_COLOR: "1", ...env } });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stderr));
  return text.decode(stdout) + text.decode(stderr);
}

/** The paths of a listing that is drawn as a tree; a folder that is in whole ends with "/*". */
function listed(text: string): Set<string> {
  const paths = new Set<string>();
  const above: string[] = [];
  for (const line of text.split("\n")) {
    const [, indent, name] = /^((?:[│ ] )*[├└]─[─┬] )([^ ]+)/.exec(line) ?? [];
    if (!name) continue;
    const depth = indent.length / 2 - 1;
    above.length = depth - 1;
    above.push(name);
    paths.add(above.join("/"));
  }
  return paths;
}

Deno.test("deno task compile packs every module and package that the program can load, and no test", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-packed-" });
  try {
    const text = await deno(["task", "compile", "--no-check", "--output", `${folder}/sluice`], {
      DENORT_BIN: Deno.execPath(),
    });
    const paths = listed(text.slice(text.indexOf("Embedded Files")));
    const isIn = (path: string) => {
      const parts = path.split("/");
      return parts.some((_, i) => paths.has(i + 1 < parts.length ? `${parts.slice(0, i + 1).join("/")}/*` : path));
    };
    const { modules: ours, packages } = await programModules();
    assert(ours.length > 300, `${ours.length} modules`);
    assertEquals(ours.filter((path) => !isIn(path)), [], "modules that would be missing");
    assertEquals([...paths].filter((path) => /(_test|_bench|test_support|_fixture)\.ts$|^tests\//.test(path)), []);
    const npm = [...paths].find((path) => /^\.deno_compile_node_modules\/[^/]+$/.test(path));
    const packed = [...paths].filter((path) => path.startsWith(`${npm}/`)).map((path) => path.slice(npm!.length + 1));
    const missing = packages.filter((name) => !OF_A_PLATFORM.test(name)).filter((name) =>
      !packed.some((path) => `${path}/`.startsWith(`${name}/`))
    );
    assertEquals(missing, [], "packages that would be missing");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the program's code names no file of the checkout but modules: what it reads at run time is elsewhere", async () => {
  const found: string[] = [];
  // Templates hold the text of others' programs, and tell these where ours is.
  for (const path of (await programModules()).modules.filter((path) => !path.startsWith("runtime/cli/template/"))) {
    const code = (await Deno.readTextFile(ROOT + path)).replace(/^\s*(\*|\/\/).*$/gm, "");
    for (const [, target] of code.matchAll(/new URL\(([^()]*?), *import\.meta\.url/g)) found.push(`${path}: ${target}`);
    if (/import\.meta\.(dirname|filename)/.test(code)) found.push(path);
  }
  assertEquals(found, ['connectors/delta-sink/maintenance/checkpointer.ts: "./checkpoint_thread.ts"']);
});
