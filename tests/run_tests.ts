/**
 * `deno task test`: every test there is, with one broker and one registry for all of them. Arguments are passed on to
 * `deno test`.
 *
 * @module
 */
import { servicesDown, servicesUp } from "../runtime/cli/services/services.ts";
import { systemClock } from "../runtime/clock.ts";

const instance = "test"; // where tests/integration/support.ts looks
const log = (line: string) => console.error(line);
await servicesUp({ clock: systemClock, log, instance });
let code = 1;
try {
  const child = new Deno.Command(Deno.execPath(), { args: ["test", "--allow-all", ...Deno.args] }).spawn();
  const end = () => child.kill("SIGTERM");
  Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGTERM", end);
  code = (await child.status).code;
} finally {
  await servicesDown({ clock: systemClock, log, instance });
}
Deno.exit(code);
