import { assert, assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../runtime/api/errors.ts";
import { cacheDir, kafkaLibs } from "../../runtime/cli/services/artifacts.ts";
import { servicesDown, servicesStatus, servicesUp } from "../../runtime/cli/services/services.ts";
import { systemClock } from "../../runtime/clock.ts";
import { freshName } from "./support.ts";

Deno.test("servicesUp() starts both once, servicesDown() ends exactly them and removes their data", async () => {
  const instance = freshName("test");
  const options = { clock: systemClock, instance };
  try {
    const first = await servicesUp(options);
    assertEquals(await servicesUp(options), first, "idempotent");
    const status = await servicesStatus(options);
    assertEquals([status.kafka, status.registry], ["up", "up"]);
    const response = await fetch(`${first.registryUrl}/subjects`);
    assertEquals(await response.json(), []);
    assert(await servicesDown(options));
    assertEquals((await servicesStatus(options)).kafka, "down");
    await assertRejects(() => Deno.stat(first.kafka.dir), Deno.errors.NotFound);
  } finally {
    await servicesDown(options);
    await Deno.remove(`${cacheDir()}/services-${instance}.json.lock`);
  }
});

Deno.test("kafkaLibs() names the alternatives where Java is missing", async () => {
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", "/nowhere");
  try {
    await assertRejects(() => kafkaLibs(() => {}), FatalError, "docker compose -f deploy/compose.yaml up");
  } finally {
    Deno.env.set("PATH", path);
  }
});
