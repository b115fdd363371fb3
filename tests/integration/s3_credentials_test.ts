/**
 * A run that outlives its credentials, again and again.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { inspectTable } from "../../connectors/delta-sink/inspect.ts";
import { S3_DEFAULTS } from "../../connectors/delta-sink/storage/s3/options.ts";
import { freePort } from "../../runtime/cli/services/process.ts";
import { systemClock } from "../../runtime/clock.ts";
import { FakeS3 } from "../support/fake_s3.ts";
import { FakeSts } from "../support/fake_sts.ts";
import { Scratch } from "./program.ts";
import { makeTopic } from "./support.ts";
import { json, produce } from "./topics.ts";

const LIFETIME_MS = 1500;

Deno.test("a run goes on past the end of its credentials: each role session lives for 1.5 s", async () => {
  await using scratch = await Scratch.make();
  // They say an hour: nobody renews them in time, so that requests of all kinds are refused in mid-run.
  await using sts = new FakeSts(LIFETIME_MS, 3_600_000);
  await using fake = new FakeS3({ intercept: sts.guard });
  const topic = await makeTopic(scratch.bootstrap, 2);
  const port = freePort();
  const role = { roleArn: "arn:aws:iam::1:role/orders", stsEndpoint: sts.url };
  const config = await scratch.config({
    topics: [topic],
    "commit.interval.ms": 250,
    "table.uri": "s3://lake/${topic}",
    "table.properties": { "delta.checkpointInterval": "5" },
    "s3.endpoint": fake.url,
    "s3.access.key.id": "own",
    "s3.secret.access.key": "hush-hush",
    "s3.role.arn": role.roleArn,
    "s3.sts.endpoint": sts.url,
  }, { "http.listen": `127.0.0.1:${port}` });
  const program = scratch.start(config);
  let produced = 0;
  while (sts.asked.length < 8) {
    await produce(scratch.bootstrap, topic, [json({ id: produced++ }), json({ id: produced++ })]);
    await program.while("the records are committed", () => rowsOf(program.stderr) >= produced);
    await systemClock.sleep(150);
  }
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const count = (metric: RegExp) => Number(metric.exec(metrics)?.[1] ?? 0);
  const requests = (operation: string, outcome: string) =>
    count(new RegExp(`^sluice_storage_requests_total{.*operation="${operation}",outcome="${outcome}"} (.*)$`, "m"));
  assert(requests("put_if_absent", "ok") >= 3, "the log's puts, on the main thread");
  assert(requests("put", "ok") >= 3, "the files' puts, on the task's thread");
  assert(count(/^sluice_commit_storage_requests_count{.*} (.*)$/m) >= 3);
  const { code, stderr } = await program.stop();
  assertEquals(code, 0, stderr);
  assert(!stderr.includes("hush-hush"), "no secret in the log");
  const settings = { ...S3_DEFAULTS, endpoint: fake.url, accessKeyId: "own", secretAccessKey: "s", ...role };
  const table = await inspectTable(`s3://lake/${topic}`, { s3: settings });
  assertEquals(table?.rows, produced);
  assert([...fake.objects.keys()].some((key) => key.endsWith(".checkpoint.parquet")), "also by a checkpoint's thread");
});

/** Rows that were committed, as the log tells. */
function rowsOf(stderr: string): number {
  return [...stderr.matchAll(/Committed .*?\brows=(\d+)/g)].reduce((sum, [, rows]) => sum + Number(rows), 0);
}
