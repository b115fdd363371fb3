/**
 * The real program as the benchmarks run it, and what it costs.
 *
 * @module
 */
import { systemClock } from "../../runtime/clock.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const LOOK_MS = 20;
/** What the kernel counts CPU time in, in a second. */
const TICKS = 100;

/** What a process has used until its end. */
export interface Usage {
  /** All its threads, user and system. */
  readonly cpuS: number;
  readonly peakRssMb: number;
  /** Its memory over time: what is paid for where memory is rented. */
  readonly gbS: number;
  /** From the first look to the last. */
  readonly seconds: number;
}

/** Starts what `deno task start` runs, without the shell around it, with a configuration and further flags. */
export async function startProgram(config: string, ...flags: readonly string[]): Promise<Deno.ChildProcess> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  return new Deno.Command(Deno.execPath(), {
    args: [...tasks.start.split(" ").slice(1), "--connector", "delta-sink", "--config", config, ...flags],
    cwd: ROOT,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Looks at a process until it is gone. */
export async function watchUsage(pid: number): Promise<Usage> {
  const watch = new UsageWatch(pid);
  while (await watch.look()) await systemClock.sleep(LOOK_MS);
  return watch.usage;
}

/** Looks at a process whenever it is asked to. */
export class UsageWatch {
  #cpuS = 0;
  #peakRssMb = 0;
  #gbS = 0;
  #rssGb = 0;
  readonly #startedMs = systemClock.monotonic();
  #lookedMs = this.#startedMs;

  constructor(private readonly pid: number) {}

  /** False once the process is gone. */
  async look(): Promise<boolean> {
    try {
      const status = await Deno.readTextFile(`/proc/${this.pid}/status`);
      const fields = (await Deno.readTextFile(`/proc/${this.pid}/stat`)).split(") ")[1].split(" ");
      const kib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
      this.#peakRssMb = Math.round(kib("VmHWM") / 1024) || this.#peakRssMb;
      this.#cpuS = (Number(fields[11]) + Number(fields[12])) / TICKS || this.#cpuS;
      const now = systemClock.monotonic();
      this.#gbS += (now - this.#lookedMs) / 1000 * this.#rssGb;
      this.#lookedMs = now;
      this.#rssGb = kib("VmRSS") * 1024 / 1e9;
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Up to the last look. */
  get usage(): Usage {
    return {
      cpuS: this.#cpuS,
      peakRssMb: this.#peakRssMb,
      gbS: this.#gbS,
      seconds: (this.#lookedMs - this.#startedMs) / 1000,
    };
  }
}

/** A process may end between two reads, and in the middle of one (ESRCH). */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && (error as { code?: string }).code === "ESRCH");
}
