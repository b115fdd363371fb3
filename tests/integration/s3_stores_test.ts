/**
 * Real S3 servers that are not safe for a table's log: the check at the start refuses them.
 *
 * @module
 */
import { assertStringIncludes } from "@std/assert";
import { openStorage } from "../../connectors/delta-sink/storage/open.ts";
import { S3_DEFAULTS } from "../../connectors/delta-sink/storage/s3/options.ts";
import { FatalError } from "../../mod.ts";
import { exists } from "../../runtime/cli/exists.ts";
import { makeServiceDir } from "../../runtime/cli/services/kafka.ts";
import { freePort } from "../../runtime/cli/services/process.ts";
import { startServer } from "../../runtime/cli/services/server.ts";
import { systemClock } from "../../runtime/clock.ts";
import { S3S_FS } from "../support/s3s_fs.ts";

Deno.test("S3Storage.check() refuses s3rver, which ignores the condition", async () => {
  const message = await checkOf(Deno.execPath(), (port, dir) => [
    ...["run", "--allow-all", "--no-lock", "--no-config", "npm:s3rver@3.7.1"],
    ...["-a", "127.0.0.1", "-p", String(port), "-d", dir, "--no-vhost-buckets", "--configure-bucket", "lake"],
  ]);
  assertStringIncludes(message, 'Cannot use "s3://lake/orders": it does not honour put-if-absent');
});

Deno.test({
  name: "S3Storage.check() refuses s3s-fs, which lets two racing writers win (deno task test:stores builds it)",
  ignore: !await exists(S3S_FS),
  fn: async () => {
    const message = await checkOf(S3S_FS, (port, dir) => [
      ...["--host", "127.0.0.1", "--port", String(port), "--access-key", "S3RVER", "--secret-key", "S3RVER", dir],
    ]);
    assertStringIncludes(message, "of 8 racing writers");
  },
});

/** Starts a server and tries a table's storage on it; returns the refusal. */
async function checkOf(command: string, args: (port: number, dir: string) => string[]): Promise<string> {
  const [port, dir] = [freePort(), await makeServiceDir("store")];
  await Deno.mkdir(`${dir}/lake`);
  const server = await startServer({
    what: command,
    port,
    dir,
    logFile: `${dir}/server.log`,
    mark: dir,
    command,
    args: args(port, dir),
    detached: false,
    graceMs: 0,
    ready: () => isListening(port),
  }, systemClock);
  try {
    const keys = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
    await openStorage("s3://lake/orders", { s3: { ...S3_DEFAULTS, ...keys, endpoint: `http://127.0.0.1:${port}` } })
      .check();
    return "it was accepted";
  } catch (error) {
    if (error instanceof FatalError) return error.message;
    throw error;
  } finally {
    await server.stop();
  }
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
