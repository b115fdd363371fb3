import { assert, assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../runtime/api/errors.ts";
import { cacheDir, hasObjectStore, kafkaLibs, objectStoreProgram } from "../../runtime/cli/services/artifacts.ts";
import { servicesDown, servicesStatus, servicesUp } from "../../runtime/cli/services/services.ts";
import { systemClock } from "../../runtime/clock.ts";
import { freshName } from "./support.ts";

Deno.test("servicesUp() starts all once, servicesDown() ends exactly them and removes their data", async () => {
  const instance = freshName("test");
  const options = { clock: systemClock, instance };
  try {
    const first = await servicesUp(options);
    assertEquals(await servicesUp(options), first, "idempotent");
    const status = await servicesStatus(options);
    assertEquals([status.kafka, status.registry], ["up", "up"]);
    const response = await fetch(`${first.registryUrl}/subjects`);
    assertEquals(await response.json(), []);
    assertEquals(first.objectStore, null, "it is not asked for");
    const second = await servicesUp({ ...options, objectStore: "required" });
    assertEquals([second.kafka, second.registry], [first.kafka, first.registry], "they go on");
    assertEquals((await servicesStatus(options)).objectStore, "up");
    assertEquals((await fetch(second.objectStore!.endpoint)).status, 403, "it asks for keys");
    assert(await servicesDown(options));
    assertEquals((await servicesStatus(options)).kafka, "down");
    await assertRejects(() => Deno.stat(first.kafka.dir), Deno.errors.NotFound);
    await assertRejects(() => Deno.stat(second.objectStore!.dir), Deno.errors.NotFound);
  } finally {
    await servicesDown(options);
    await Deno.remove(`${cacheDir()}/services-${instance}.json.lock`);
  }
});

Deno.test("objectStoreProgram() says what to do where neither it nor Go is there", async () => {
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", "/nowhere");
  try {
    assertEquals(await hasObjectStore("/nowhere"), false);
    await assertRejects(() => objectStoreProgram(() => {}, "/nowhere"), FatalError, "--no-object-store");
  } finally {
    Deno.env.set("PATH", path);
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
