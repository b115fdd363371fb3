import { assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../../mod.ts";
import { MemoryStorage } from "./memory.ts";
import { proveAccess } from "./storage.ts";

/** Memory in which the first put of each of so many names lands again when everything is over. */
class LateStorage extends MemoryStorage {
  readonly #late = new Map<string, Uint8Array>();

  constructor(private latePaths: number) {
    super();
  }

  override put(path: string, bytes: Uint8Array): Promise<void> {
    if (this.latePaths > 0 && !this.#late.has(path)) {
      this.latePaths--;
      this.#late.set(path, bytes);
    }
    return super.put(path, bytes);
  }

  override async delete(path: string): Promise<void> {
    await super.delete(path);
    const late = this.#late.get(path);
    if (late) await super.put(path, late);
  }
}

Deno.test("proveAccess() goes on where a put that was repeated landed late, and not where that happens each time", async () => {
  assertEquals(await proveAccess(new LateStorage(2), "probe"), 0);
  await assertRejects(() => proveAccess(new LateStorage(3), "probe"), FatalError, "consistent reads");
});
