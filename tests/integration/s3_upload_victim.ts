/**
 * A process that uploads a file in parts, to be killed while it does.
 *
 * @module
 */
import type { S3Settings } from "../../connectors/delta-sink/storage/s3/options.ts";
import { S3Storage } from "../../connectors/delta-sink/storage/s3.ts";
import { StorageMeter } from "../../connectors/delta-sink/storage/usage.ts";

const { uri, settings, size }: { uri: string; settings: S3Settings; size: number } = JSON.parse(
  Deno.env.get("VICTIM")!,
);
const [folder, name] = [uri.slice(0, uri.lastIndexOf("/")), uri.slice(uri.lastIndexOf("/") + 1)];
const writer = await new S3Storage({ uri: folder, settings, meter: new StorageMeter() }).openWrite(name);
await writer.write(new Uint8Array(size));
await writer.close();
