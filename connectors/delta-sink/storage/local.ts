/**
 * A folder of the local file system (or a mounted one that has atomic `link` and `rename`). Bytes are written to a
 * hidden file beside the target and get their name in one step: `link(2)` fails where the name is taken, so that of many
 * processes exactly one creates it, and `rename(2)` replaces. File and folder are synced before either counts.
 *
 * @module
 */
import { FatalError, RetriableError } from "../../../mod.ts";
import {
  assertPath,
  checkStorage,
  type ObjectInfo,
  type ObjectWriter,
  PROBE_FOLDER,
  type PutOutcome,
  type Storage,
} from "./storage.ts";

/** Files with this prefix are on their way, or were left by a crash: no listing shows them, readers skip them. */
const HIDDEN = ".sluice-";
/** A hidden file that nobody has written to for a day is nobody's. */
const LEFT_OVER_MS = 24 * 3_600_000;

/** Of a file whose folder vanishes each time. */
const OPENS_MAX = 100;

let lastHidden = 0;

/** See the module's doc. */
export class LocalStorage implements Storage {
  readonly uri: string;
  readonly #root: string;

  /** `root` is an absolute path; the folder is created with its first object. */
  constructor(root: string, uri: string = root) {
    this.#root = root.replace(/\/+$/, "");
    this.uri = uri;
  }

  async get(path: string): Promise<Uint8Array | null> {
    assertPath(path);
    return await this.#absentAsNull("read", path, () => Deno.readFile(this.#full(path)));
  }

  async head(path: string): Promise<ObjectInfo | null> {
    assertPath(path);
    const stat = await this.#absentAsNull("look up", path, () => Deno.stat(this.#full(path)));
    return stat?.isFile ? { path, size: stat.size, modifiedMs: stat.mtime?.getTime() ?? 0 } : null;
  }

  async list(folder: string, startAfter = ""): Promise<ObjectInfo[]> {
    if (folder !== "") assertPath(folder);
    const paths: string[] = [];
    await this.#walk(folder, paths);
    const found: ObjectInfo[] = [];
    for (const path of paths.filter((path) => path > startAfter).sort()) {
      const info = await this.head(path);
      if (info) found.push(info);
    }
    return found;
  }

  async putIfAbsent(path: string, bytes: Uint8Array): Promise<PutOutcome> {
    assertPath(path);
    return await this.#classified("create", path, async () => {
      const hidden = await this.#writeHidden(path, bytes);
      try {
        const created = await linked(hidden, this.#full(path));
        // Also where it existed: what we go on to build on must not vanish with the power.
        await syncFolder(parent(this.#full(path)));
        return { kind: created ? "created" as const : "exists" as const };
      } finally {
        await Deno.remove(hidden);
      }
    });
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    assertPath(path);
    await this.#classified("write", path, async () => {
      const hidden = await this.#writeHidden(path, bytes);
      await this.#publish(hidden, path);
    });
  }

  async openWrite(path: string): Promise<ObjectWriter> {
    assertPath(path);
    const [hidden, file] = await this.#classified("open", path, () => this.#openHidden(path));
    let size = 0;
    let open = true;
    return {
      write: (chunk) =>
        this.#classified("write", path, async () => {
          await writeAll(file, chunk);
          size += chunk.length;
        }),
      close: () =>
        this.#classified("close", path, async () => {
          await file.sync();
          file.close();
          open = false;
          await this.#publish(hidden, path);
          return size;
        }),
      abort: () =>
        this.#classified("abort", path, async () => {
          if (!open) return;
          open = false;
          file.close();
          await Deno.remove(hidden);
        }),
    };
  }

  async delete(path: string): Promise<void> {
    assertPath(path);
    await this.#absentAsNull("delete", path, () => Deno.remove(this.#full(path)));
  }

  async check(): Promise<void> {
    await checkStorage(this, crypto.randomUUID());
    await this.#absentAsNull("clean up", PROBE_FOLDER, async () => {
      // Another process may be checking too: the folder goes with the last of them.
      await Deno.remove(this.#full(PROBE_FOLDER)).catch((error) => {
        if (error.code !== "ENOTEMPTY") throw error;
      });
    });
    await this.#classified("clean up", "", async () => {
      // The probe has just changed the folder: its time is now, by the file system's own clock.
      const { mtime } = await Deno.stat(this.#root);
      await removeLeftOver(this.#root, (mtime?.getTime() ?? 0) - LEFT_OVER_MS);
    });
  }

  #full(path: string): string {
    return `${this.#root}/${path}`;
  }

  async #walk(folder: string, paths: string[]): Promise<void> {
    const full = folder === "" ? this.#root : this.#full(folder);
    const entries = await this.#absentAsNull("list", folder, () => Array.fromAsync(Deno.readDir(full)));
    for (const entry of entries ?? []) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory) await this.#walk(path, paths);
      else if (!entry.name.startsWith(HIDDEN)) paths.push(path);
    }
  }

  async #writeHidden(path: string, bytes: Uint8Array): Promise<string> {
    const [hidden, file] = await this.#openHidden(path);
    try {
      await writeAll(file, bytes);
      await file.sync();
    } catch (error) {
      await Deno.remove(hidden);
      throw error;
    } finally {
      file.close();
    }
    return hidden;
  }

  async #openHidden(path: string): Promise<[string, Deno.FsFile]> {
    const folder = parent(this.#full(path));
    for (let attempt = 1;; attempt++) {
      try {
        await createFolder(folder);
        return await openNew(folder);
      } catch (error) {
        // The folder of probes goes with the last of the processes that check: it did, between our two calls.
        if (!(error instanceof Deno.errors.NotFound) || attempt >= OPENS_MAX) throw error;
      }
    }
  }

  async #publish(hidden: string, path: string): Promise<void> {
    try {
      await Deno.rename(hidden, this.#full(path));
    } catch (error) {
      await Deno.remove(hidden);
      throw error;
    }
    await syncFolder(parent(this.#full(path)));
  }

  async #absentAsNull<T>(what: string, path: string, work: () => Promise<T>): Promise<T | null> {
    return await this.#classified(what, path, () => unlessGone(work));
  }

  async #classified<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw classify(error, `Cannot ${what} "${path}" in "${this.uri}"`);
    }
  }
}

/** What needs a person is fatal; other failures of the system may pass; the rest is a bug and stays as it is. */
function classify(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || error instanceof RetriableError || error instanceof FatalError) return error;
  const code = (error as { code?: unknown }).code;
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable || code === "EROFS") {
    return new FatalError(`${what}: ${error.message}. Make the folder writable for this user`, { cause: error });
  }
  if (error instanceof Deno.errors.NotADirectory || code === "ENOTDIR" || code === "EEXIST" || code === "EISDIR") {
    return new FatalError(`${what}: ${error.message}. A file is where a folder must be: choose another path`, {
      cause: error,
    });
  }
  if (code === "EXDEV" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS") {
    const why = `${what}: ${error.message}. The file system has no hard links: use one that has`;
    return new FatalError(why, { cause: error });
  }
  if (typeof code !== "string") return error;
  return new RetriableError(`${what}: ${error.message}`, { cause: error });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await Deno.link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** Others may remove what was made meanwhile. */
const CREATE_ATTEMPTS = 5;

/** Creates a folder and those above it, each durable in its own. */
async function createFolder(folder: string, attempts = CREATE_ATTEMPTS): Promise<void> {
  try {
    await Deno.mkdir(folder);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists && (await Deno.stat(folder)).isDirectory) return;
    // Some file systems say so of what nobody can create in a folder that is there, e.g. /proc.
    if (!(error instanceof Deno.errors.NotFound) || attempts === 1) throw error;
    await createFolder(parent(folder));
    return await createFolder(folder, attempts - 1);
  }
  await syncFolder(parent(folder));
}

async function openNew(folder: string): Promise<[path: string, file: Deno.FsFile]> {
  while (true) {
    const hidden = `${folder}/${HIDDEN}${Deno.pid}-${++lastHidden}`;
    try {
      return [hidden, await Deno.open(hidden, { write: true, createNew: true })];
    } catch (error) {
      // Left by a crashed process that had our id, or written by another thread of ours: take the next name.
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (Deno.build.os === "windows") return; // it has no such call
  const handle = await Deno.open(folder, { read: true });
  try {
    await handle.sync();
  } finally {
    handle.close();
  }
}

function parent(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}

/** Removes hidden files that were last written before `beforeMs`: a killed process left them, and nobody else sees them. */
async function removeLeftOver(folder: string, beforeMs: number): Promise<void> {
  for (const { name, isDirectory, isFile } of await unlessGone(() => Array.fromAsync(Deno.readDir(folder))) ?? []) {
    const path = `${folder}/${name}`;
    if (isDirectory) await removeLeftOver(path, beforeMs);
    if (!isFile || !name.startsWith(HIDDEN)) continue;
    const { mtime } = await unlessGone(() => Deno.stat(path)) ?? {};
    if (mtime && mtime.getTime() < beforeMs) await unlessGone(() => Deno.remove(path));
  }
}

/** Null where others have removed it. */
async function unlessGone<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
