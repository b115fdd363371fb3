import { assertRejects } from "@std/assert";
import { type Config, ConfigError, type ConnectorContext, FatalError } from "../../mod.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { collectingLog } from "../../tests/support/log.ts";
import { deltaSinkOptions, type DeltaSinkValues } from "./config.ts";
import { deltaSink } from "./mod.ts";

/** Tables by topic, as `per.topic` names them. */
function configOf(tables: Readonly<Record<string, string>>): Config<typeof deltaSinkOptions> {
  const declared = Object.entries(deltaSinkOptions).map(([key, { default: value }]) => [key, value]);
  const values = (uri: string) => ({ ...Object.fromEntries(declared), "table.uri": uri }) as unknown as DeltaSinkValues;
  return { values: values("memory://none"), forTopic: (topic) => values(tables[topic]) };
}

const CONTEXT = {
  connector: "c",
  clock: new FakeClock(),
  log: collectingLog(),
  uuid: () => "id",
  random: () => 0.5,
} as unknown as ConnectorContext;

Deno.test("deltaSink.check() refuses one table for two topics however its URI is written", async () => {
  for (const [one, other] of [["s3://lake/t", "s3a://lake/t/"], ["/nowhere/t", "/nowhere/./t/"]]) {
    const config = configOf({ orders: one, returns: other });
    const check = () => deltaSink.check(config, ["orders", "returns"], CONTEXT);
    await assertRejects(check, ConfigError, 'is the table of topic "orders" and of topic "returns"');
  }
});

Deno.test("deltaSink's committer refuses a topic that comes later and has another's table", async () => {
  const config = configOf({ orders: "memory://later/t", returns: "memory://later/t/" });
  const committer = await deltaSink.createCommitter!(config, CONTEXT);
  const partition = (topic: string) => [{ topic, topicId: "id", partition: 0 }];
  await committer.committedOffsets(partition("orders"));
  await assertRejects(
    () => committer.committedOffsets(partition("returns")),
    FatalError,
    "is the table of topic orders",
  );
  await committer.committedOffsets(partition("orders"));
  await committer.stop();
});
