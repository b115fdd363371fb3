/**
 * Uploads in parts, on a real server: requests that go wrong, and processes that are killed in the middle.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { S3Calls } from "../../connectors/delta-sink/storage/s3/calls.ts";
import { StorageMeter } from "../../connectors/delta-sink/storage/usage.ts";
import { startObjectStore } from "../../runtime/cli/services/object_store.ts";
import { systemClock } from "../../runtime/clock.ts";
import { createRetry } from "../../runtime/retry.ts";
import { collectingLog } from "../support/log.ts";
import { NO_FAULTS, S3_FAULTS, S3FaultProxy, type S3Operation } from "../support/s3_fault_proxy.ts";
import { s3SettingsOf, storageAt } from "../support/s3_fault_proxy_storage.ts";
import { freshName, objectStore } from "./support.ts";

const MiB = 1024 * 1024;
const PART_BYTES = 5 * MiB;
const SIZE = PART_BYTES + 1000;
const TIMES = { holdMs: 1500, lateMs: 50, slowMs: 50, awayMs: 100 };
const REQUEST_TIMEOUT_MS = 1000;
const HOUR_MS = 3_600_000;

/** What is written; bytes differ, so that parts in a wrong order are seen. */
const CONTENT = new Uint8Array(SIZE).map((_, i) => (i >> 10) ^ i);

Deno.test("openWrite() makes an object of all parts in order, whatever becomes of a request", async () => {
  const store = await objectStore();
  await using proxy = S3FaultProxy.start({ target: Number(new URL(store.endpoint).port), times: TIMES });
  const prefix = freshName("uploads");
  // As a task repeats what may pass.
  const retry = createRetry({
    clock: systemClock,
    random: Math.random,
    log: collectingLog(),
    delayMsMax: 500,
    timeoutMs: 30_000,
  });
  const at = { endpoint: proxy.url, requestTimeoutMs: REQUEST_TIMEOUT_MS, partBytes: PART_BYTES, retry };
  const [inside, outside] = [storageAt(store, { prefix, ...at }), storageAt(store, { prefix })];
  const operations: S3Operation[] = ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"];
  for (const operation of operations) {
    for (const fault of S3_FAULTS) {
      proxy.begin((request) => request.operation === operation && request.nth === 1 ? fault : null);
      const writer = await inside.openWrite("file");
      await writer.write(CONTENT);
      assertEquals(await writer.close(), SIZE, `${fault} of ${operation}`);
      assertEquals(proxy.faults.get(fault), 1, `${fault} of ${operation}`);
      const found = await outside.get("file");
      assert(found !== null && equal(found, CONTENT), `the object is whole: ${fault} of ${operation}`);
      await proxy.settled();
      await outside.delete("file");
    }
  }
});

Deno.test("a process killed in the middle of an upload leaves no object, and a day later its parts are gone", async () => {
  const store = await startObjectStore({ clock: systemClock });
  try {
    await using proxy = S3FaultProxy.start({ target: store.port, times: { ...TIMES, holdMs: 3000 } });
    const prefix = freshName("killed");
    const outside = storageAt(store, { prefix });
    const calls = new S3Calls(s3SettingsOf(store), store.bucket, outside.uri, new StorageMeter());
    // Nobody hears of the end: the first does not arrive at the server, the second has happened.
    for (const [name, fault] of [["a", "timeout-before"], ["b", "timeout-after"]] as const) {
      proxy.begin(({ operation }) => operation === "CompleteMultipartUpload" ? fault : null);
      await killAt(proxy, ({ operation }) => operation === "CompleteMultipartUpload", `${prefix}/${name}`, store);
      if (fault === "timeout-after") await untilDone(async () => (await outside.head(name)) !== null);
    }
    proxy.begin(NO_FAULTS);
    const isPart = ({ operation, nth }: { operation: S3Operation; nth: number }) =>
      operation === "UploadPart" && nth === 2;
    await killAt(proxy, isPart, `${prefix}/c`, store);
    await proxy.settled();

    assertEquals((await outside.list("")).map(({ path, size }) => [path, size]), [["b", SIZE]]);
    const left = await calls.listUploads(`${prefix}/`);
    assertEquals(left.map(({ key }) => key).sort(), [`${prefix}/a`, `${prefix}/c`]);
    await outside.check();
    assertEquals((await calls.listUploads(`${prefix}/`)).length, 2, "they may still be at it");
    // A day goes by for one of them.
    const [{ id }] = left.filter(({ key }) => key === `${prefix}/a`);
    await makeOlder(`${store.dir}/buckets/${store.bucket}`, id, 25 * HOUR_MS);
    await outside.check();
    assertEquals((await calls.listUploads(`${prefix}/`)).map(({ key }) => key), [`${prefix}/c`]);
    assertEquals((await outside.list("")).map(({ path }) => path), ["b"]);
  } finally {
    await store.stop();
  }
});

/** Lets another process upload, and kills it as that request comes in. */
async function killAt(
  proxy: S3FaultProxy,
  fits: Parameters<S3FaultProxy["next"]>[0],
  path: string,
  store: Parameters<typeof s3SettingsOf>[0],
): Promise<void> {
  const settings = s3SettingsOf(store, { endpoint: proxy.url, partBytes: PART_BYTES, requestTimeoutMs: 60_000 });
  const victim = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", new URL("s3_upload_victim.ts", import.meta.url).pathname],
    env: { VICTIM: JSON.stringify({ uri: `s3://${store.bucket}/${path}`, settings, size: SIZE }) },
    stdin: "null",
    stdout: "null",
  }).spawn();
  try {
    assert(await proxy.next(fits, 60_000) !== null, "it comes that far");
  } finally {
    victim.kill("SIGKILL");
    await victim.status;
  }
}

async function untilDone(isDone: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + 30_000;
  while (!(await isDone())) {
    assert(systemClock.monotonic() < deadline, "the server does what it was asked");
    await systemClock.sleep(20);
  }
}

/** Sets back the time at which the server says that an upload was begun: that of its folder. */
async function makeOlder(bucket: string, uploadId: string, ms: number): Promise<void> {
  const walk = async (folder: string): Promise<string | null> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory) continue;
      if (name === uploadId) return `${folder}/${name}`;
      const found = await walk(`${folder}/${name}`);
      if (found) return found;
    }
    return null;
  };
  const folder = await walk(bucket);
  assert(folder !== null, "the server keeps the upload in a folder of its id");
  const then = new Date(systemClock.now() - ms);
  await Deno.utime(folder, then, then);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false; // megabytes: no call for each byte
  return true;
}
