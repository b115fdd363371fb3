/**
 * The real program as the benchmarks run it, and what it costs.
 *
 * @module
 */
import { systemClock } from "../../runtime/clock.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** What a process has used until its end. */
export interface Usage {
  readonly cpuS: number;
  readonly peakRssMb: number;
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

/** Looks at a process until it is gone: CPU seconds of all its threads, and the most memory that it had. */
export async function watchUsage(pid: number): Promise<Usage> {
  let cpuS = 0, peakRssMb = 0;
  for (;;) {
    try {
      const status = await Deno.readTextFile(`/proc/${pid}/status`);
      const fields = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ")[1].split(" ");
      peakRssMb = Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024) || peakRssMb;
      cpuS = (Number(fields[11]) + Number(fields[12])) / 100 || cpuS;
    } catch {
      return { cpuS, peakRssMb }; // the process is gone
    }
    await systemClock.sleep(20);
  }
}
