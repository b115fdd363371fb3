import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { FatalError, type Offsets } from "../../../mod.ts";
import { loadSnapshot, readCommit } from "../delta/load.ts";
import { MemoryStorage } from "../storage/memory.ts";
import { committer, LossyStorage, partition, type PutFate, range, share, TABLE } from "./fixture.ts";

const at = (...offsets: readonly number[]): Offsets =>
  offsets.map((offset, p) => ({ ...partition(p), offset: BigInt(offset) }));
const known = async (c: ReturnType<typeof committer>) =>
  (await c.committedOffsets([0, 1, 2].map((p) => partition(p)))).map(({ offset }) => Number(offset));
const versionOf = async (storage: MemoryStorage) => Number((await loadSnapshot(storage))!.version);

Deno.test("alterOffsets() writes one version of offsets alone, lower ones too, and the next share chains on it", async () => {
  const storage = new MemoryStorage();
  const c = committer(storage);
  await c.commit(1, TABLE, [share([range(0, "absent", 40)]), share([range(1, "absent", 7)])]);
  await c.alterOffsets(at(10, 7, 3));
  assertEquals(await known(c), [10, 7, 3]);
  const actions = (await readCommit(storage, 1n))!;
  assertEquals(actions.map((action) => Object.keys(action)[0]), ["commitInfo", "txn", "txn"]);
  assertEquals(actions[0].commitInfo!.operation, "ALTER OFFSETS");
  assertEquals(JSON.parse(actions[0].commitInfo!.userMetadata as string), {
    alter: { "orders/0": "10", "orders/2": "3" },
  });
  const outcomes = await c.commit(2, TABLE, [share([range(0, 40, 50)]), share([range(1, 7, 9)])]);
  assertEquals(outcomes.map(({ kind }) => kind), ["stale", "committed"]);
  const again = await c.commit(3, TABLE, [share([range(0, 10, 50)]), share([range(2, 3, 4)])]);
  assertEquals(again.map(({ kind }) => kind), ["committed", "committed"]);
  assertEquals(await known(c), [50, 9, 4]);
});

Deno.test("alterOffsets() writes nothing where the table says so already, and refuses what is another app's", async () => {
  const storage = new MemoryStorage();
  const c = committer(storage);
  await c.commit(1, TABLE, [share([range(0, "absent", 40)])]);
  await c.alterOffsets(at(40));
  assertEquals(await versionOf(storage), 0);
  const other = committer(storage, { appId: "other" });
  await assertRejects(() => other.alterOffsets(at(0)), FatalError, "app.id.others");
  assertEquals(await versionOf(storage), 0);
});

Deno.test("alterOffsets() accepts a topic that was created anew, whatever topic.recreated says", async () => {
  const storage = new MemoryStorage();
  const c = committer(storage);
  await c.commit(1, TABLE, [share([range(0, "absent", 40)])]);
  const anew = { ...partition(0, "BBBBBBBBBBBBBBBBBBBBBB"), offset: 0n };
  await assertRejects(() => c.committedOffsets([anew]), FatalError, "topic.recreated");
  await c.alterOffsets([anew]);
  assertEquals(await c.committedOffsets([anew]), [anew]);
});

Deno.test("alterOffsets() ends where it was asked to, whatever becomes of puts and whoever wins versions", async () => {
  const fates = fc.array(fc.constantFrom<PutFate>("answered", "lost reply", "lost request"), { maxLength: 6 });
  const offsets = fc.array(fc.nat(50), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(offsets, offsets, fates, fc.boolean(), async (before, after, fates, hasRival) => {
      const storage = new LossyStorage();
      const c = committer(storage);
      await c.commit(1, TABLE, before.map((to, p) => share([range(p, "absent", to + 1)])));
      storage.fates.push(...fates);
      const rival = committer(storage, { appId: "rival", othersAllowed: true });
      const mine = committer(storage, { othersAllowed: true });
      if (hasRival) {
        storage.before = async () => void await rival.commit(1, TABLE, [share([range(0, "absent", 5)])]);
      }
      await mine.alterOffsets(at(...after));
      const wanted = [...Array(3).keys()].flatMap((p) => after[p] ?? (p < before.length ? before[p] + 1 : []));
      assertEquals(await known(mine), wanted);
      // Ours is in the log at most once.
      const version = await versionOf(storage);
      let altered = 0;
      for (let v = 0; v <= version; v++) {
        const actions = (await readCommit(storage, BigInt(v)))!;
        altered += actions.filter(({ commitInfo }) => commitInfo?.operation === "ALTER OFFSETS").length;
      }
      assertEquals(altered <= 1, true);
    }),
    { numRuns: 100 },
  );
});
