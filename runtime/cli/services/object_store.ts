/**
 * A real object store with the S3 API (versitygw over a folder) on 127.0.0.1, with exact conditional puts.
 *
 * @module
 */
import type { Clock } from "../../api/clock.ts";
import { objectStoreProgram, type Progress } from "./artifacts.ts";
import { makeServiceDir } from "./kafka.ts";
import { freePort } from "./process.ts";
import { type ServerHandle, startServer } from "./server.ts";

/** Everything that a client has to know. */
export interface ObjectStoreAccess {
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** A bucket that is there. */
  readonly bucket: string;
}

/** The shell command after which other tools find the store: delta-rs, DuckDB, the AWS CLI, our own commands. */
export function exportsOf({ endpoint, region, accessKeyId, secretAccessKey }: ObjectStoreAccess): string {
  return `export AWS_ENDPOINT_URL=${endpoint} AWS_REGION=${region} AWS_ALLOW_HTTP=true` +
    ` AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}`;
}

/** How to start an object store. */
export interface ObjectStoreOptions {
  readonly clock: Clock;
  readonly log?: Progress;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: a temporary folder in the cache. Removed by `stop()`. */
  readonly dir?: string;
  /** True: survives this process (`services up`). */
  readonly detached?: boolean;
  /** More flags of versitygw, e.g. `--iam-dir`. */
  readonly flags?: readonly string[];
}

/** A running object store. `makeBucket` gives it one more bucket. */
export interface ObjectStoreHandle extends ServerHandle, ObjectStoreAccess {
  makeBucket(name: string): Promise<void>;
}

/** It listens on 127.0.0.1 alone, so its keys are no secret. */
const KEYS = { accessKeyId: "sluice", secretAccessKey: "sluice-secret", region: "us-east-1", bucket: "lake" } as const;

/** Starts an object store; returns when it answers. */
export async function startObjectStore(options: ObjectStoreOptions): Promise<ObjectStoreHandle> {
  const log = options.log ?? (() => {});
  const program = await objectStoreProgram(log);
  const port = options.port ?? freePort();
  const dir = options.dir ?? await makeServiceDir("s3");
  const access = objectStoreAccess(port);
  // A folder below the root is a bucket.
  const makeBucket = (name: string) => Deno.mkdir(`${dir}/buckets/${name}`, { recursive: true });
  await makeBucket(access.bucket);
  log(`Starting the object store on 127.0.0.1:${port} ...`);
  const { accessKeyId, secretAccessKey, region } = access;
  const handle = await startServer({
    what: `the object store on 127.0.0.1:${port}`,
    port,
    dir,
    logFile: `${dir}/s3.log`,
    mark: dir,
    command: program,
    args: [
      ...["--access", accessKeyId, "--secret", secretAccessKey, "--region", region, "--port", `127.0.0.1:${port}`],
      ...["--quiet", "--keep-alive", ...options.flags ?? [], "posix", `${dir}/buckets`],
    ],
    detached: options.detached ?? false,
    graceMs: 5_000,
    ready: () => objectStoreAnswers(access.endpoint),
  }, options.clock);
  return Object.assign(handle, access, { makeBucket });
}

/** How to reach an object store of ours. */
export function objectStoreAccess(port: number): ObjectStoreAccess {
  return { endpoint: `http://127.0.0.1:${port}`, ...KEYS };
}

/** Whether something answers there: without keys it refuses, which is an answer. */
export async function objectStoreAnswers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status < 500;
  } catch {
    return false; // not there yet: that is what was asked
  }
}
