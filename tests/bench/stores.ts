/**
 * Where the tables of a run go: a folder, or a bucket of an object store that is started for it.
 *
 * @module
 */
import { exists } from "../../runtime/cli/exists.ts";
import { type ObjectStoreAccess, startObjectStore } from "../../runtime/cli/services/object_store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { s3OptionsOf } from "../support/object_store.ts";
import { DelayProxy } from "./delay_proxy.ts";

/** A kind of storage. */
export type StorageKind = "local" | "s3";

/** All of them. */
export const STORAGE_KINDS: readonly StorageKind[] = ["local", "s3"];

/** Where tables go. */
export interface TableStore extends AsyncDisposable {
  readonly kind: StorageKind;
  /** What the program is told beside `table.uri`. */
  readonly options: Readonly<Record<string, string>>;
  /** For readers; null: no object store. */
  readonly access: ObjectStoreAccess | null;
  /** A place for the tables of one run, without a slash at the end. */
  place(run: string): string;
  /** Forgets a place. */
  remove(place: string): Promise<void>;
}

/** Starts what it needs; `delayMs`: how much later requests arrive at the object store. */
export async function openTableStore(kind: StorageKind, delayMs: number): Promise<TableStore> {
  if (kind === "local") return await openFolder();
  const store = await startObjectStore({ clock: systemClock, log: (line) => console.error(line) });
  const proxy = delayMs > 0 ? new DelayProxy(store.port, delayMs) : null;
  const seen = proxy ? { ...store, endpoint: `http://127.0.0.1:${proxy.port}` } : store;
  return {
    kind,
    options: s3OptionsOf(seen),
    access: store,
    place: (run) => `s3://${store.bucket}/${run}`,
    remove: () => Promise.resolve(), // it goes with the store
    async [Symbol.asyncDispose]() {
      proxy?.[Symbol.dispose]();
      await store.stop();
    },
  };
}

async function openFolder(): Promise<TableStore> {
  const dir = await Deno.makeTempDir({ prefix: "sluice-bench-tables-" });
  return {
    kind: "local",
    options: {},
    access: null,
    place: (run) => `${dir}/${run}`,
    remove: async (place) => {
      if (await exists(place)) await Deno.remove(place, { recursive: true });
    },
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
