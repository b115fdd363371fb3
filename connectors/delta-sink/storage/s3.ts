/**
 * A table below a prefix of an S3 bucket. The SDK is loaded with the first request, never with the program.
 *
 * @module
 */
import type { Retry } from "../../../mod.ts";
import type { S3Calls } from "./s3/calls.ts";
import { s3Place, type S3Settings } from "./s3/options.ts";
import { S3Upload } from "./s3/upload.ts";
import {
  assertPath,
  type ObjectInfo,
  type ObjectWriter,
  proveAccess,
  proveExclusion,
  type PutOutcome,
  type Storage,
} from "./storage.ts";
import type { StorageMeter } from "./usage.ts";

/** Uploads that were begun so long ago and not completed are nobody's. */
const LEFT_OVER_MS = 24 * 3_600_000;

/** What our data files are called: where the table is a whole bucket, others' uploads are in it too. */
const OUR_UPLOAD = /(^|\/)part-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.\w+)?\.parquet$/;

/** Rounds of racing writers: servers that let two win do so in most rounds, but not in each. */
const RACE_ROUNDS = 10;
/** AWS documents that one wins; a drain every minute would pay for the proof each time. */
const RACE_ROUNDS_AWS = 1;

/** What it is opened with. */
export interface S3StorageParts {
  /** `s3://bucket/prefix` or `s3a://bucket/prefix`. */
  readonly uri: string;
  readonly settings: S3Settings;
  readonly meter: StorageMeter;
  /** Repeats the parts of uploads; default: no more than the SDK does. */
  readonly retry?: Retry;
}

/** See the module's doc. */
export class S3Storage implements Storage {
  readonly uri: string;
  readonly #bucket: string;
  /** With a slash at the end, or empty. */
  readonly #prefix: string;
  #loaded: Promise<S3Calls> | null = null;

  constructor(private readonly parts: S3StorageParts) {
    this.uri = parts.uri;
    const { bucket, prefix } = s3Place(parts.uri);
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  async get(path: string): Promise<Uint8Array | null> {
    return (await this.#calls()).get(this.#key(path));
  }

  async head(path: string): Promise<ObjectInfo | null> {
    const key = this.#key(path);
    return (await this.#calls()).head(key, path);
  }

  async list(folder: string, startAfter = ""): Promise<ObjectInfo[]> {
    const prefix = folder === "" ? this.#prefix : `${this.#key(folder)}/`;
    const after = startAfter === "" ? undefined : this.#prefix + startAfter;
    const calls = await this.#calls();
    const found: ObjectInfo[] = [];
    let token: string | undefined;
    do {
      const { objects, next } = await calls.listPage(prefix, after, token);
      for (const { key, ...info } of objects) {
        const path = key.slice(this.#prefix.length);
        // A key that ends with a slash is a folder that some console made.
        if (path > startAfter && !path.endsWith("/")) found.push({ path, ...info });
      }
      token = next;
    } while (token !== undefined);
    // S3 sorts by UTF-8, we by UTF-16.
    return found.sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
  }

  async putIfAbsent(path: string, bytes: Uint8Array): Promise<PutOutcome> {
    return (await this.#calls()).putIfAbsent(this.#key(path), bytes);
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    await (await this.#calls()).put(this.#key(path), bytes);
  }

  async openWrite(path: string): Promise<ObjectWriter> {
    const { settings: { partBytes }, retry = (_what, work) => work() } = this.parts;
    return new S3Upload({ calls: await this.#calls(), key: this.#key(path), partBytes, retry });
  }

  async delete(path: string): Promise<void> {
    await (await this.#calls()).delete(this.#key(path));
  }

  /** Races once for each bucket, settings and process; what this prefix allows is tried for each table. */
  async check(): Promise<void> {
    const probe = crypto.randomUUID();
    const nowMs = await proveAccess(this, probe);
    const store = `${this.#bucket}\0${JSON.stringify(this.parts.settings)}`;
    const rounds = this.parts.settings.endpoint === null ? RACE_ROUNDS_AWS : RACE_ROUNDS;
    let raced = racedStores.get(store);
    if (!raced) racedStores.set(store, raced = proveExclusion(this, probe, rounds));
    try {
      await raced;
    } catch (error) {
      racedStores.delete(store); // it may have been a failure that passes
      throw error;
    }
    await this.#abortLeftOver(nowMs - LEFT_OVER_MS);
  }

  /** Ends uploads that a killed process left: they cost, and nobody sees them. */
  async #abortLeftOver(beforeMs: number): Promise<void> {
    const calls = await this.#calls();
    for (const { key, id, startedMs } of await calls.listUploads(this.#prefix)) {
      const isOurs = this.#prefix !== "" || OUR_UPLOAD.test(key);
      if (startedMs < beforeMs && isOurs) await calls.abortUpload(key, id);
    }
  }

  #key(path: string): string {
    assertPath(path);
    return this.#prefix + path;
  }

  async #calls(): Promise<S3Calls> {
    const { settings, meter, uri } = this.parts;
    return await (this.#loaded ??= import("./s3/calls.ts").then(({ S3Calls }) =>
      new S3Calls(settings, this.#bucket, uri, meter)
    ));
  }
}

const racedStores = new Map<string, Promise<void>>();
