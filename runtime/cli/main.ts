/**
 * The program. As such it is the command line; as a task's thread it runs a task with the same parts (parts.ts). It imports
 * next to nothing itself, so that a task's thread is under way before the command line is read.
 *
 * @module
 */
import { runTaskThread, TaskThreads } from "../task_thread.ts";

if ("WorkerGlobalScope" in globalThis) {
  runTaskThread(async () => (await import("./parts.ts")).plugins);
} else if (import.meta.main) {
  const threads = new TaskThreads(import.meta.url);
  // A drain that finds nothing to do needs no task.
  if (Deno.args[0] === "start" && !Deno.args.includes("--until-caught-up")) threads.prepare();
  const [{ runCommandLine }, { plugins, tables }] = await Promise.all([
    import("./command_line.ts"),
    import("./parts.ts"),
  ]);
  Deno.exit(await runCommandLine(Deno.args, { plugins, threads, tables }));
}
