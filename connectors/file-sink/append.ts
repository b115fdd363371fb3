/**
 * Appending to files: the file sink's only door to the file system.
 *
 * @module
 */
import { FatalError } from "../../mod.ts";

/** Creates the folder, and proves that a file can be written there. */
export async function prepareFolder(path: string): Promise<void> {
  const probe = `${path}/.sluice-${crypto.randomUUID()}`;
  await classified(`use the folder "${path}"`, async () => {
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeFile(probe, new Uint8Array(0), { createNew: true });
    await Deno.remove(probe);
  });
}

/** Appends lines, durable on return; what a crash left of a line without its end is cut off first. Returns their bytes. */
export function appendLines(path: string, lines: readonly string[]): Promise<number> {
  return classified(`append to "${path}"`, async () => {
    using file = await Deno.open(path, { read: true, write: true, create: true });
    const end = await endOfLines(file);
    await file.truncate(end);
    await file.seek(end, Deno.SeekMode.Start);
    const bytes = new TextEncoder().encode(lines.join(""));
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
    return bytes.length;
  });
}

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Where the last whole line ends. */
async function endOfLines(file: Deno.FsFile): Promise<number> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let end = (await file.stat()).size; end > 0;) {
    const start = Math.max(0, end - CHUNK_BYTES);
    await file.seek(start, Deno.SeekMode.Start);
    let read = 0;
    while (read < end - start) {
      const count = await file.read(chunk.subarray(read, end - start));
      if (count === null) throw new Error("The file became shorter while it was read: another process writes it");
      read += count;
    }
    const at = chunk.subarray(0, read).lastIndexOf(NEWLINE);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

async function classified<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new FatalError(`Cannot ${what}: ${why}; file.path must be a folder that this process may write`, {
      cause: error,
    });
  }
}
