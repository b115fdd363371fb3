/**
 * Every operation of the reference run, once as the last one before the process dies, and so on: see `Fate`. After each,
 * the tables must be right to the last row. `SLUICE_CRASH="pause-after 57" deno test ...` replays one and prints its log.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { playReference, type Strike, type StrikeResult } from "./reference.ts";

const FATES = ["crash-before", "crash-after", "pause-before", "pause-after", "fail", "lose-reply", "break"] as const;
/** Points between two that are tried on a real disk. */
const LOCAL_STRIDE = 13;
const replay = Deno.env.get("SLUICE_CRASH");

let reference: Promise<StrikeResult> | null = null;

/** The run without a strike. */
function undisturbed(): Promise<StrikeResult> {
  return reference ??= playReference({ at: 0, fate: "fail", tasks: 1 });
}

Deno.test("the reference run has rounds, dead letters, a late share and a column that is added", async () => {
  const { world, operations, problems } = await undisturbed();
  assertEquals(problems, []);
  assert(world.journal.versions.size >= 5, "it has several versions");
  assert(world.journal.letters.size >= 5, "it has dead letters");
  assert(operations.length >= 80, "it has many operations");
  const shares = world.lines.filter(({ message }) => message === "Committed");
  const perVersion = Map.groupBy(shares, ({ fields }) => fields.version);
  assert([...perVersion.values()].some((lines) => lines.length === 3), "a late share joins the next round");
  const schemas = await schemasOf(world);
  assert(schemas.length === 2 && schemas[1].includes("extra"), "a later version adds a column");
});

for (const fate of FATES) {
  Deno.test({
    name: `the tables are right after ${fate} at every operation`,
    fn: async () => {
      const { operations } = await undisturbed();
      const failed: string[] = [];
      for (let at = 1; at <= operations.length; at++) {
        const result = await playReference({ at, fate, tasks: 1 + at % 3 });
        assert(result.struck !== null, `the run comes to operation ${at}`);
        if (result.problems.length > 0) failed.push(describe({ at, fate, tasks: 1 + at % 3 }, result));
      }
      assertEquals(failed, []);
    },
  });
}

Deno.test({
  name: "the tables are right on a real disk, at a sample of the operations",
  fn: async () => {
    const { operations } = await undisturbed();
    const failed: string[] = [];
    let turn = 0;
    for (let at = 3; at <= operations.length; at += LOCAL_STRIDE) {
      const fate = FATES[turn++ % 4];
      const folder = await Deno.makeTempDir();
      try {
        const result = await playReference({ at, fate, tasks: 1 + at % 3, folder });
        if (result.problems.length > 0) failed.push(describe({ at, fate, tasks: 1 + at % 3 }, result));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    }
    assertEquals(failed, []);
  },
});

if (replay !== undefined) {
  Deno.test({
    name: "SLUICE_CRASH replays one point",
    fn: async () => {
      const [fate, at] = replay!.split(" ");
      const result = await playReference({ at: Number(at), fate: fate as Strike["fate"], tasks: 1 + Number(at) % 3 });
      for (const { level, message, fields } of result.world.lines) console.log(level, message, fields);
      assertEquals(result.problems, []);
    },
  });
}

function describe({ at, fate, tasks }: Strike, { struck, problems }: StrikeResult): string {
  return `SLUICE_CRASH="${fate} ${at}" (${struck?.kind} ${struck?.label} of ${struck?.life.name}, then ${tasks} tasks): ` +
    problems.slice(0, 3).join("; ");
}

/** The schemas that the versions set, in order. */
async function schemasOf(world: StrikeResult["world"]): Promise<string[]> {
  const storage = world.storage("memory://lake/orders");
  const found: string[] = [];
  for (const { path } of await storage.list("_delta_log")) {
    if (!path.endsWith(".json")) continue;
    for (const line of new TextDecoder().decode((await storage.get(path))!).split("\n")) {
      if (line.startsWith('{"metaData"')) found.push(JSON.parse(line).metaData.schemaString);
    }
  }
  return found;
}
