/**
 * `deno task test`: every test there is, with one broker, one registry and one object store for all of them. Arguments are passed on to
 * `deno test`.
 *
 * @module
 */
import { servicesDown, servicesUp } from "../runtime/cli/services/services.ts";
import { systemClock } from "../runtime/clock.ts";

// Of this run alone: another one beside it must not lose its broker when this one ends. The tests find it by the name.
const instance = Deno.env.get("TEST_SERVICES") ?? `test-${Deno.pid}`;
const log = (line: string) => console.error(line);
await servicesUp({ clock: systemClock, log, instance, objectStore: "required" });
let code = 1;
try {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", ...Deno.args],
    env: { TEST_SERVICES: instance },
  }).spawn();
  const end = () => child.kill("SIGTERM");
  Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGTERM", end);
  code = (await child.status).code;
} finally {
  await servicesDown({ clock: systemClock, log, instance });
}
Deno.exit(code);
