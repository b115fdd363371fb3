/**
 * Server processes: started by us, ended by their pid, never by their name.
 *
 * @module
 */
import type { Clock } from "../../api/clock.ts";
import { FatalError } from "../../api/errors.ts";

/** A process that we started. `mark` is a unique word of its command line, so that a reused pid is never ended. */
export interface ServerProcess {
  readonly pid: number;
  readonly mark: string;
}

/** What to start. */
export interface ProcessSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** A unique word that is somewhere in `args`. */
  readonly mark: string;
  /** Output is appended here. */
  readonly logFile: string;
  /** Everything that it writes. */
  readonly dir: string;
  /** True: survives us. False: ends when we end, however we end, and its folder goes with it. */
  readonly detached: boolean;
}

/** A process that we started, while we live. */
export interface StartedProcess extends ServerProcess {
  /** Resolves when it has ended. Only a call keeps us alive for it. */
  ended(): Promise<void>;
}

/** Starts a server. */
export function startProcess(spec: ProcessSpec): StartedProcess {
  // `exec` keeps the pid; the shell is only there for the redirection, which Deno.Command cannot do.
  const args = ["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", spec.logFile, spec.command, ...spec.args];
  const child = new Deno.Command("sh", { args, stdin: "null", stdout: "null", stderr: "null", detached: true }).spawn();
  child.unref();
  let isOver = false; // and then there is nothing to hold on to
  child.status.then(() => isOver = true);
  const childEnded = async (): Promise<void> => {
    if (!isOver) child.ref();
    await child.status;
  };
  if (spec.detached) {
    return { pid: child.pid, mark: spec.mark, ended: childEnded };
  }
  // The guard's input ends when we end, even by SIGKILL; it then takes the server with it.
  const guard = new Deno.Command("sh", {
    args: ["-c", 'cat >/dev/null; kill -9 "$1"; sleep 1; rm -rf "$2"', "sh", String(child.pid), spec.dir],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  guard.unref();
  const ended = async (): Promise<void> => {
    await childEnded();
    guard.ref();
    guard.kill("SIGKILL");
    await guard.status;
    await guard.stdin.abort().catch(() => {}); // the pipe went with the guard
  };
  return { pid: child.pid, mark: spec.mark, ended };
}

/** Whether the process with this pid is still the one that we started. */
export async function isAlive({ pid, mark }: ServerProcess): Promise<boolean> {
  try {
    // While the shell becomes the server it has none, or half of one: what is read twice holds.
    for (let before: string | null = null;;) {
      const commandLine = await Deno.readTextFile(`/proc/${pid}/cmdline`);
      if (commandLine.includes(mark)) return true;
      const isOver = commandLine !== "" || /\) [ZX] /.test(await Deno.readTextFile(`/proc/${pid}/stat`));
      if (isOver && commandLine === before) return false;
      before = commandLine;
    }
  } catch (error) {
    if (Deno.build.os === "linux") {
      if (error instanceof Deno.errors.NotFound) return false;
      if (/No such process/.test(String(error))) return false; // it ended while it was looked at
      throw error;
    }
  }
  const ps = new Deno.Command("ps", { args: ["-p", String(pid), "-o", "args="], stderr: "null" });
  return new TextDecoder().decode((await ps.output()).stdout).includes(mark);
}

/** Ends a process: asks first, insists after `graceMs`. Returns when it is gone. */
export async function endProcess(process: ServerProcess, clock: Clock, graceMs: number): Promise<void> {
  if (!(await isAlive(process))) return;
  if (graceMs > 0) signal(process.pid, "SIGTERM");
  const deadline = clock.monotonic() + graceMs;
  while (clock.monotonic() < deadline) {
    if (!(await isAlive(process))) return;
    await clock.sleep(20);
  }
  const limit = clock.monotonic() + 10_000;
  while (await isAlive(process)) {
    signal(process.pid, "SIGKILL");
    if (clock.monotonic() > limit) throw new FatalError(`Cannot end process ${process.pid}: it survives SIGKILL`);
    await clock.sleep(20);
  }
}

/** Waits until `probe` succeeds; fails with the log's tail where the process ends before, or time is up. */
export async function untilReady(
  what: string,
  process: ServerProcess,
  logFile: string,
  clock: Clock,
  probe: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = clock.monotonic() + timeoutMs;
  while (true) {
    if (await probe()) return;
    const dead = !(await isAlive(process));
    if (dead || clock.monotonic() > deadline) {
      const why = dead ? "it ended" : `it is not ready after ${timeoutMs} ms`;
      const tail = (await Deno.readTextFile(logFile).catch(() => "")).slice(-2000);
      throw new FatalError(`Cannot start ${what}: ${why}; its log ${logFile} ends with:\n${tail}`);
    }
    await clock.sleep(100);
  }
}

/** A port of 127.0.0.1 that is free now: `preferred` where it is. */
export function freePort(preferred = 0): number {
  try {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: preferred });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    return port;
  } catch (error) {
    if (preferred === 0 || !(error instanceof Deno.errors.AddrInUse)) throw error;
    return freePort();
  }
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    // It ended in between: what we wanted.
    if (!(error instanceof Deno.errors.NotFound) && (error as { code?: string }).code !== "ESRCH") throw error;
  }
}
