/**
 * What every storage must do, as a library that defines tests: `storageConformance("local", makeStorage)`.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Storage } from "../../connectors/delta-sink/storage/storage.ts";

/** What a maker hands over: two clients of the same empty storage, and how to throw it away. */
export interface StorageFixture {
  readonly storage: Storage;
  /** Another instance that sees the same objects. */
  readonly other: Storage;
  cleanUp?(): Promise<void>;
}

const RACERS = 32;

/** Defines the tests. */
export function storageConformance(name: string, make: () => Promise<StorageFixture>): void {
  const test = (what: string, body: (fixture: StorageFixture) => Promise<void>) =>
    Deno.test(`${name}: ${what}`, async () => {
      const fixture = await make();
      try {
        await body(fixture);
      } finally {
        await fixture.cleanUp?.();
      }
    });

  test("get(), head() and list() find nothing in an empty storage", async ({ storage }) => {
    assertEquals(await storage.get("a/b"), null);
    assertEquals(await storage.head("a/b"), null);
    assertEquals(await storage.list(""), []);
    assertEquals(await storage.list("a"), []);
    await storage.delete("a/b");
  });

  test("put() is seen at once by every client, and replaces", async ({ storage, other }) => {
    await storage.put("a/b", bytes("one"));
    assertEquals(text(await other.get("a/b")), "one");
    await storage.put("a/b", bytes("three"));
    assertEquals(text(await other.get("a/b")), "three");
    assertEquals((await other.head("a/b"))?.size, 5);
    assertEquals((await storage.list("")).map((o) => [o.path, o.size]), [["a/b", 5]]);
  });

  test("putIfAbsent() has one winner among many racers, and nobody sees a part of it", async ({ storage, other }) => {
    for (let round = 0; round < 10; round++) {
      const path = `_delta_log/${round}.json`;
      const bodies = Array.from({ length: RACERS }, (_, i) => `${i}:`.padEnd(50_000, String(i % 10)));
      let seen: string | null = null;
      const racers = bodies.map(async (body, i) => {
        const client = i % 2 === 0 ? storage : other;
        const outcome = await client.putIfAbsent(path, bytes(body));
        const read = text(await client.get(path));
        seen ??= read;
        assertEquals(read === seen && read?.length === 50_000, true, "all see the same whole object");
        return outcome.kind;
      });
      const kinds = await Promise.all(racers);
      const winners = kinds.flatMap((kind, i) => kind === "created" ? [i] : []);
      assertEquals(winners.length, 1);
      assertEquals(text(await other.get(path)), bodies[winners[0]]);
    }
  });

  test("putIfAbsent() leaves what exists as it is", async ({ storage, other }) => {
    assertEquals(await storage.putIfAbsent("x", bytes("first")), { kind: "created" });
    assertEquals(await other.putIfAbsent("x", bytes("second")), { kind: "exists" });
    assertEquals(text(await storage.get("x")), "first");
    assertEquals((await storage.list("")).length, 1);
  });

  test("list() gives all objects below a folder, sorted, after a path", async ({ storage }) => {
    for (const path of ["log/10", "log/09", "log/sub/x", "log-not", "data/1", "log/2"]) {
      await storage.put(path, bytes(path));
    }
    const paths = async (folder: string, after?: string) => (await storage.list(folder, after)).map((o) => o.path);
    assertEquals(await paths("log"), ["log/09", "log/10", "log/2", "log/sub/x"]);
    assertEquals(await paths("log", "log/10"), ["log/2", "log/sub/x"]);
    assertEquals(await paths(""), ["data/1", "log-not", "log/09", "log/10", "log/2", "log/sub/x"]);
  });

  test("openWrite() shows the object at close() and not before", async ({ storage, other }) => {
    const writer = await storage.openWrite("date=2026-11-21/part.parquet");
    await writer.write(bytes("one "));
    await writer.write(bytes("two"));
    assertEquals(await other.get("date=2026-11-21/part.parquet"), null);
    assertEquals(await other.list(""), []);
    assertEquals(await writer.close(), 7);
    assertEquals(text(await other.get("date=2026-11-21/part.parquet")), "one two");
    assertEquals((await other.list("")).length, 1);
  });

  test("abort() leaves nothing behind, and does nothing after close()", async ({ storage }) => {
    const writer = await storage.openWrite("a/b");
    await writer.write(bytes("gone"));
    await writer.abort();
    await writer.abort();
    assertEquals(await storage.list(""), []);
    const kept = await storage.openWrite("a/c");
    await kept.close();
    await kept.abort();
    assertEquals((await storage.head("a/c"))?.size, 0);
  });

  test("delete() removes one object, also one that is not there", async ({ storage, other }) => {
    await storage.put("a", bytes("a"));
    await storage.put("b", bytes("b"));
    await storage.delete("a");
    await storage.delete("a");
    assertEquals((await other.list("")).map((o) => o.path), ["b"]);
    assertEquals(await other.putIfAbsent("a", bytes("again")), { kind: "created" });
  });

  test("a path that leaves the folder is refused", async ({ storage }) => {
    for (const path of ["", "/etc/x", "../x", "a/../../x", "a//b"]) {
      await assertRejects(async () => await storage.put(path, bytes("")), RangeError, "stay inside");
    }
  });

  test("names with spaces, percent signs and beyond ASCII are kept", async ({ storage }) => {
    const path = "c=a b%20ü%2F😀/part";
    await storage.put(path, bytes("x"));
    assertEquals((await storage.list("")).map((o) => o.path), [path]);
    assert(await storage.head(path));
  });

  test("check() passes, many at once, and leaves nothing", async ({ storage, other }) => {
    await Promise.all([storage.check(), other.check(), storage.check()]);
    assertEquals(await storage.list(""), []);
  });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(bytes: Uint8Array | null): string | null {
  return bytes && new TextDecoder().decode(bytes);
}
