import { assertEquals } from "@std/assert";
import { runScript } from "./script.ts";

const folder = new URL("./", import.meta.url);

for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (!name.endsWith(".txt")) continue;
  Deno.test(`step() answers as tests/scripts/${name} says`, () => {
    const path = new URL(name, folder);
    const text = Deno.readTextFileSync(path);
    const actual = runScript(text);
    if (Deno.env.get("SLUICE_REWRITE_SCRIPTS") === "1") Deno.writeTextFileSync(path, actual);
    else assertEquals(actual, text);
  });
}
