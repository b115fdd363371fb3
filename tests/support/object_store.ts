/**
 * An object store's address as settings, as options of a configuration, and as the environment of other readers.
 *
 * @module
 */
import { S3_DEFAULTS, type S3Settings } from "../../connectors/delta-sink/storage/s3/options.ts";
import type { ObjectStoreAccess } from "../../runtime/cli/services/object_store.ts";

/** The settings of our storage. */
export function s3SettingsOf({ endpoint, region, accessKeyId, secretAccessKey }: ObjectStoreAccess): S3Settings {
  return { ...S3_DEFAULTS, endpoint, region, accessKeyId, secretAccessKey };
}

/** The options of a configuration. */
export function s3OptionsOf(store: ObjectStoreAccess): Readonly<Record<string, string>> {
  return {
    "s3.endpoint": store.endpoint,
    "s3.region": store.region,
    "s3.access.key.id": store.accessKeyId,
    "s3.secret.access.key": store.secretAccessKey,
  };
}

/** What the SDK and delta-rs read from the environment. */
export function awsEnvironment(store: ObjectStoreAccess): Readonly<Record<string, string>> {
  return {
    AWS_ENDPOINT_URL: store.endpoint,
    AWS_ALLOW_HTTP: "true",
    AWS_REGION: store.region,
    AWS_ACCESS_KEY_ID: store.accessKeyId,
    AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
  };
}
