import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../clock.ts";
import { endProcess, isAlive, startProcess } from "./process.ts";

Deno.test("isAlive() is true from the start on, also while the shell becomes the server, and false after the end", async () => {
  const dir = await Deno.makeTempDir({ prefix: "sluice-process-" });
  try {
    for (let round = 0; round < 20; round++) {
      const mark = `mark-${round}-${crypto.randomUUID()}`;
      const started = startProcess({
        command: "sh",
        args: ["-c", "while :; do sleep 1; done", mark],
        mark,
        logFile: `${dir}/log`,
        dir: `${dir}/data`,
        detached: true,
      });
      for (let look = 0; look < 50; look++) assert(await isAlive(started), `round ${round}, look ${look}`);
      await endProcess(started, systemClock, 1000);
      assertEquals(await isAlive(started), false);
      await started.ended();
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("ended() of a server that is over already resolves", async () => {
  const dir = await Deno.makeTempDir({ prefix: "sluice-process-" });
  try {
    for (const detached of [true, false]) {
      const mark = `mark-${crypto.randomUUID()}`;
      const args = ["-c", "while :; do sleep 1; done", mark];
      const started = startProcess({ command: "sh", args, mark, logFile: `${dir}/log`, dir: `${dir}/data`, detached });
      await endProcess(started, systemClock, 0);
      await systemClock.sleep(50); // its end is heard of meanwhile
      await started.ended();
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
