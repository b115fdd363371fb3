/**
 * Random lives of a connector, by seed. `SLUICE_SEED=n` replays one and prints its log; `SLUICE_SEEDS=from-to` runs others.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { runScenario } from "./scenario.ts";

const replay = Deno.env.get("SLUICE_SEED");
const [FIRST, LAST] = (Deno.env.get("SLUICE_SEEDS") ?? "1-120").split("-").map(Number);

Deno.test({
  name: "a connector's tables are right whatever happens to it",
  fn: async () => {
    let versions = 0, letters = 0;
    for (let seed = FIRST; seed <= LAST; seed++) {
      const { world, problems } = await runScenario(seed);
      assertEquals(problems, [], `SLUICE_SEED=${seed} replays this`);
      versions += world.journal.versions.size;
      letters += world.journal.letters.size;
    }
    assert(versions > 3 * (LAST - FIRST), "the runs commit versions");
    assert(letters > LAST - FIRST, "the runs have dead letters");
  },
});

Deno.test({
  name: "a seed gives the same run again",
  fn: async () => {
    const [one, other] = [await runScenario(7), await runScenario(7)];
    assertEquals(one.world.time.nowMs, other.world.time.nowMs);
    assertEquals([...one.world.journal.versions], [...other.world.journal.versions]);
    assertEquals(one.world.lines, other.world.lines);
  },
});

if (replay !== undefined) {
  Deno.test({
    name: "SLUICE_SEED replays one seed",
    fn: async () => {
      const { world, problems } = await runScenario(Number(replay));
      for (const { level, message, fields } of world.lines) console.log(level, message, fields);
      assertEquals(problems, []);
    },
  });
}
