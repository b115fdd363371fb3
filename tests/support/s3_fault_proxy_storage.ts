/**
 * The storage of a table on S3 as tests open it: past a proxy, or through it.
 *
 * @module
 */
import { S3_DEFAULTS, type S3Settings } from "../../connectors/delta-sink/storage/s3/options.ts";
import { S3Storage } from "../../connectors/delta-sink/storage/s3.ts";
import { StorageMeter } from "../../connectors/delta-sink/storage/usage.ts";
import type { Retry } from "../../mod.ts";
import type { ObjectStoreAccess } from "../../runtime/cli/services/object_store.ts";

/** Where the table is, and how patient its clients are. */
export interface StorageAt {
  readonly prefix: string;
  /** A proxy's; default the store's own. */
  readonly endpoint?: string;
  readonly requestTimeoutMs?: number;
  readonly partBytes?: number;
  /** Repeats the parts of uploads. */
  readonly retry?: Retry;
}

export function s3SettingsOf(
  { endpoint, region, accessKeyId, secretAccessKey }: ObjectStoreAccess,
  at: Omit<StorageAt, "prefix" | "retry"> = {},
): S3Settings {
  const { requestTimeoutMs = S3_DEFAULTS.requestTimeoutMs, partBytes = S3_DEFAULTS.partBytes } = at;
  return {
    ...S3_DEFAULTS,
    endpoint: at.endpoint ?? endpoint,
    region,
    accessKeyId,
    secretAccessKey,
    requestTimeoutMs,
    partBytes,
  };
}

/** Below a prefix of the store's bucket. */
export function storageAt(access: ObjectStoreAccess, { prefix, retry, ...at }: StorageAt): S3Storage {
  const uri = `s3://${access.bucket}/${prefix}`;
  return new S3Storage({ uri, settings: s3SettingsOf(access, at), meter: new StorageMeter(), retry });
}
