/**
 * `new connector|transform|converter NAME`: a small project of the author's own, with tests that pass.
 *
 * @module
 */
import { ConfigError } from "../api/mod.ts";
import { exists } from "./exists.ts";
import { projectFiles, TEMPLATES } from "./template/project.ts";

/** Returns the exit code. Nothing that exists is written over. */
export async function newPlugin(kind: keyof typeof TEMPLATES, name: string, folder: string): Promise<number> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new ConfigError([{
      key: `new ${kind}`,
      value: name,
      why: "must be lower-case words with - between them, e.g. my-sink",
    }]);
  }
  const files = projectFiles(TEMPLATES[kind], name);
  const there: string[] = [];
  for (const file of files.keys()) if (await exists(`${folder}/${file}`)) there.push(file);
  if (there.length > 0) {
    const why = `holds ${there.join(", ")} already, and nothing is written over; name another folder`;
    throw new ConfigError([{ key: "--dir", value: folder, why }]);
  }
  await Deno.mkdir(folder, { recursive: true });
  for (const [file, text] of files) await Deno.writeTextFile(`${folder}/${file}`, text, { createNew: true });
  console.log(`${[...files.keys()].map((file) => `${folder}/${file}`).join("\n")}\n`);
  console.log(`Next: cd ${folder} && deno test -A    (README.md has the steps from there)`);
  return 0;
}
