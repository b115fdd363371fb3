/**
 * Storage on S3 against a real server.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FatalError } from "../../mod.ts";
import { openStorage } from "../../connectors/delta-sink/storage/open.ts";
import { StorageMeter } from "../../connectors/delta-sink/storage/usage.ts";
import { storageConformance } from "../conformance/storage.ts";
import { s3SettingsOf } from "../support/object_store.ts";
import { freshName, objectStore } from "./support.ts";

const store = await objectStore();
const MiB = 1024 * 1024;

storageConformance("s3", () => {
  const uri = `s3://${store.bucket}/${freshName("conformance")}/orders`;
  const s3 = s3SettingsOf(store);
  return Promise.resolve({ storage: openStorage(uri, { s3 }), other: openStorage(uri.replace("s3:", "s3a:"), { s3 }) });
});

Deno.test("S3Storage.list() goes on over pages, from a path", async () => {
  const storage = openStorage(`s3://${store.bucket}/${freshName("pages")}`, { s3: s3SettingsOf(store) });
  const paths = Array.from({ length: 1100 }, (_, i) => `log/${String(i).padStart(5, "0")}`);
  for (let at = 0; at < paths.length; at += 50) {
    await Promise.all(paths.slice(at, at + 50).map((path) => storage.put(path, new Uint8Array(1))));
  }
  assertEquals((await storage.list("log")).map(({ path }) => path), paths);
  assertEquals((await storage.list("log", "log/00049")).map(({ path }) => path), paths.slice(50));
});

Deno.test("S3Storage.openWrite() uploads in parts, and counts its memory and requests", async () => {
  const meter = new StorageMeter();
  const uri = `s3://${store.bucket}/${freshName("parts")}`;
  const storage = openStorage(uri, { s3: { ...s3SettingsOf(store), partBytes: 5 * MiB }, meter });
  const bytes = pattern(17 * MiB + 5);
  const writer = await storage.openWrite("a=b c/big");
  for (let at = 0; at < bytes.length; at += 700_001) {
    await writer.write(bytes.subarray(at, at + 700_001));
    assert(writer.bufferedBytes! <= 4 * 5 * MiB);
  }
  assertEquals(await storage.head("a=b c/big"), null);
  assertEquals(await writer.close(), bytes.length);
  assertEquals(writer.bufferedBytes, 0);
  const read = await storage.get("a=b c/big");
  assert(read && read.length === bytes.length && read.every((byte, i) => byte === bytes[i]));
  const counts = Object.fromEntries(meter.snapshot().map((usage) => [`${usage.operation} ${usage.outcome}`, usage]));
  assertEquals([counts["upload_part ok"].requests, counts["upload_part ok"].bytesOut], [4, bytes.length]);
  assertEquals(counts["complete_upload ok"].requests, 1);
  assertEquals([counts["get ok"].requests, counts["get ok"].bytesIn], [1, bytes.length]);
  assertEquals(counts["head absent"].requests, 1);

  const aborted = await storage.openWrite("gone");
  await aborted.write(bytes);
  await aborted.abort();
  assertEquals((await storage.list("")).map(({ path }) => path), ["a=b c/big"]);
  assert(meter.snapshot().some(({ operation, outcome }) => operation === "abort_upload" && outcome === "ok"));
});

Deno.test("S3Storage refuses with the fix: no bucket, wrong keys, no server's region", async () => {
  const s3 = s3SettingsOf(store);
  const check = (uri: string, settings = s3) => openStorage(uri, { s3: settings }).check();
  const missing = await assertRejects(() => check("s3://no-such-bucket/t"), FatalError);
  assert(
    /There is no bucket "no-such-bucket": create it, or correct table\.uri/.test(missing.message),
    missing.message,
  );
  const secret = await assertRejects(
    () => check(`s3://${store.bucket}/t`, { ...s3, secretAccessKey: "no-such-secret" }),
    FatalError,
  );
  assert(
    /Cannot write "s3:\/\/lake\/t\/_sluice_probe.*correct s3\.secret\.access\.key/.test(secret.message),
    secret.message,
  );
  assert(!secret.message.includes("no-such-secret"), "no secret in a message");
  const key = await assertRejects(() => check(`s3://${store.bucket}/t`, { ...s3, accessKeyId: "who" }), FatalError);
  assert(/correct s3\.access\.key\.id/.test(key.message), key.message);
  const region = await assertRejects(
    () => check(`s3://${store.bucket}/t`, { ...s3, region: "eu-west-1" }),
    FatalError,
  );
  assert(/set s3\.region/.test(region.message), region.message);
});

function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
  return bytes;
}
