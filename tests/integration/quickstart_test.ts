/**
 * The quickstart, as a new user runs it: in a folder of its own, with services that it starts itself.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { cacheDir } from "../../runtime/cli/services/artifacts.ts";
import type { Services } from "../../runtime/cli/services/services.ts";
import { readDeltaRs } from "../support/tables.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ROWS = { orders: 10_000, clicks: 20_000, payments: 5_000 };

/** What was downloaded is shared, what runs is not: a quickstart of somebody else on this machine goes on. */
async function quickstart(...flags: string[]) {
  const dir = await Deno.makeTempDir({ prefix: "sluice-quickstart-" });
  const cache = `${dir}/cache`;
  await Deno.mkdir(cache);
  for await (const { name } of Deno.readDir(cacheDir())) {
    if (!/^(services|run$)/.test(name)) await Deno.symlink(`${cacheDir()}/${name}`, `${cache}/${name}`);
  }
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", `${ROOT}runtime/cli/main.ts`, ...args],
      cwd: dir,
      env: { SLUICE_CACHE: cache },
    }).output();
    const said = new TextDecoder().decode(stderr);
    assertEquals(code, 0, said);
    return { stdout: new TextDecoder().decode(stdout), stderr: said };
  };
  const end = async () => {
    await run("services", "down", "--instance", "quickstart");
    await Deno.remove(dir, { recursive: true });
  };
  const services = async (): Promise<Services> =>
    JSON.parse(await Deno.readTextFile(`${cache}/services-quickstart.json`));
  try {
    const { stdout } = await run("start", "--connector", "delta-sink", ...flags);
    return { dir, stdout, services, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

Deno.test("the quickstart makes three tables of three formats, rejects what is broken, and ends what it started", async () => {
  await using shown = await quickstart();
  for (const [topic, rows] of Object.entries(ROWS)) {
    assertStringIncludes(shown.stdout, `./data/lake/${topic}  version`);
    const table = await readDeltaRs(`${shown.dir}/data/lake/${topic}`);
    assertEquals([topic, table.rows.length, new Set(table.rows.map(({ id }) => id)).size], [topic, rows, rows]);
  }
  assertStringIncludes(shown.stdout, "rejected: 29 records");
  assertStringIncludes(shown.stdout, "6  VALUE_CONVERTER: bad length");
  await shown.services().then(() => Promise.reject(new Error("services are left")), () => {});
});

Deno.test("the quickstart's tables may be on S3, on an object store of its own", async () => {
  await using shown = await quickstart("--set", "table.uri=s3://lake/${topic}", "--keep");
  const { objectStore } = await shown.services();
  for (const [topic, rows] of Object.entries(ROWS)) {
    assertStringIncludes(shown.stdout, `s3://lake/${topic}  version`);
    const table = await readDeltaRs(`s3://lake/${topic}`, [], objectStore!);
    assertEquals([topic, table.rows.length, new Set(table.rows.map(({ id }) => id)).size], [topic, rows, rows]);
  }
  assertStringIncludes(shown.stdout, "rejected: 29 records");
});
