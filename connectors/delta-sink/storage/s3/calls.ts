/**
 * The requests to S3 that a table needs, each counted, with failures as verdicts. Keys are whole: the prefix is in them.
 *
 * @module
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { RetriableError } from "../../../../mod.ts";
import type { ObjectInfo, PutOutcome } from "../storage.ts";
import type { RequestCount, StorageMeter } from "../usage.ts";
import { connectionOf, endpointOf, type S3Connection } from "./connection.ts";
import { classify, codeOf, isExpired, isSkewed, isThrottled, type S3Attempt, statusOf } from "./errors.ts";
import type { S3Settings } from "./options.ts";

/** A part that is there. */
export interface UploadedPart {
  readonly number: number;
  readonly etag: string | undefined;
  readonly crc32: string | undefined;
}

/** An upload that nobody has completed. */
export interface OpenUpload {
  readonly key: string;
  readonly id: string;
  readonly startedMs: number;
}

/** How often a body that breaks off is read again at once. */
const READS_MAX = 3;

interface Call extends Pick<S3Attempt, "verb" | "action" | "key"> {
  /** As it is counted. */
  readonly operation: string;
  readonly bytesOut?: number;
  /** True: a single attempt. */
  readonly once?: boolean;
  /** What a refusal stands for, by the server's status: an outcome, not a failure. */
  readonly expected?: (error: unknown) => RequestCount["outcome"] | null;
}

/** An answer, or what is expected in place of one. */
type Answer<T> = { readonly kind: "ok"; readonly value: T } | { readonly kind: RequestCount["outcome"] };

/** See the module's doc. */
export class S3Calls {
  readonly #connection: S3Connection;

  constructor(
    private readonly settings: S3Settings,
    private readonly bucket: string,
    private readonly uri: string,
    private readonly meter: StorageMeter,
  ) {
    this.#connection = connectionOf(settings);
  }

  /** The whole object, or null. */
  async get(key: string): Promise<Uint8Array | null> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#getOnce(key);
      } catch (error) {
        if (attempt === READS_MAX || !(error instanceof TornBody)) throw error;
      }
    }
  }

  async head(key: string, path: string): Promise<ObjectInfo | null> {
    const call = { operation: "head", verb: "look up", action: "s3:GetObject", key };
    const ask = (client: S3Client) => client.send(new HeadObjectCommand({ ...this.#at(key) }));
    let answer = await this.#send({ ...call, expected: refused }, ask);
    if (answer.kind === "failed" || answer.kind === "absent") {
      // An answer to HEAD says no more than its status; one to GET says why. (416: an empty object, which is fine.)
      const expected = (error: unknown) => statusOf(error) === 416 ? "ok" as const : absent(error);
      const why = await this.#send(
        { ...call, operation: "get", expected },
        (client) => client.send(new GetObjectCommand({ ...this.#at(key), Range: "bytes=0-0" })),
      );
      if (why.kind === "absent") return null;
      if ("value" in why) await why.value.Body?.transformToByteArray();
      answer = await this.#send({ ...call, expected: absent }, ask);
    }
    if (!("value" in answer)) return null;
    const { ContentLength, LastModified } = answer.value;
    return { path, size: ContentLength ?? 0, modifiedMs: LastModified?.getTime() ?? 0 };
  }

  /** A page of at most 1,000 objects, and where the next begins. */
  async listPage(
    prefix: string,
    startAfter: string | undefined,
    token: string | undefined,
  ): Promise<{ objects: readonly (Omit<ObjectInfo, "path"> & { key: string })[]; next: string | undefined }> {
    const call = { operation: "list", verb: `list "${prefix}" in`, action: "s3:ListBucket", key: null };
    const value = await this.#answer(call, (client) =>
      client.send(
        new ListObjectsV2Command({
          Bucket: this.bucket,
          Prefix: prefix,
          StartAfter: startAfter,
          ContinuationToken: token,
        }),
      ));
    const objects = (value.Contents ?? []).map(({ Key, Size, LastModified }) => (
      { key: Key!, size: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0 }
    ));
    const next = value.IsTruncated ? value.NextContinuationToken : undefined;
    if (value.IsTruncated && next === undefined) {
      throw new RetriableError(
        `Cannot list "${prefix}" in bucket "${this.bucket}": the answer is cut and has no token`,
      );
    }
    return { objects, next };
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    const call = { operation: "put", verb: "write", action: "s3:PutObject", key, bytesOut: body.length };
    await this.#answer(
      call,
      (client) => client.send(new PutObjectCommand({ ...this.#at(key), ...this.#encryption(), Body: body })),
    );
  }

  /** One attempt. A RetriableError leaves open whether it was created. */
  async putIfAbsent(key: string, body: Uint8Array): Promise<PutOutcome> {
    const call: Call = {
      operation: "put_if_absent",
      verb: "create",
      action: "s3:PutObject",
      key,
      bytesOut: body.length,
      once: true,
      expected: (error) => statusOf(error) === 412 ? "exists" : null,
    };
    const answer = await this.#send(
      call,
      (client) =>
        client.send(new PutObjectCommand({ ...this.#at(key), ...this.#encryption(), Body: body, IfNoneMatch: "*" })),
    );
    return { kind: "value" in answer ? "created" : "exists" };
  }

  async delete(key: string): Promise<void> {
    const call = { operation: "delete", verb: "delete", action: "s3:DeleteObject", key, expected: absent };
    await this.#send(call, (client) => client.send(new DeleteObjectCommand({ ...this.#at(key) })));
  }

  /** Begins an upload in parts; returns its id. */
  async createUpload(key: string): Promise<string> {
    const call = { operation: "create_upload", verb: "begin the upload of", action: "s3:PutObject", key };
    const value = await this.#answer(call, async (client) => {
      // Parts carry a checksum unless the environment says otherwise; the upload has to say so from the start.
      const isChecked = await client.config.requestChecksumCalculation() === "WHEN_SUPPORTED";
      const checksum = isChecked ? { ChecksumAlgorithm: "CRC32" as const } : {};
      return await client.send(
        new CreateMultipartUploadCommand({ ...this.#at(key), ...this.#encryption(), ...checksum }),
      );
    });
    return value.UploadId!;
  }

  async uploadPart(key: string, id: string, number: number, body: Uint8Array): Promise<UploadedPart> {
    const verb = `upload part ${number} of`;
    const call = { operation: "upload_part", verb, action: "s3:PutObject", key, bytesOut: body.length };
    const value = await this.#answer(
      call,
      (client) =>
        client.send(new UploadPartCommand({ ...this.#at(key), UploadId: id, PartNumber: number, Body: body })),
    );
    return { number, etag: value.ETag, crc32: value.ChecksumCRC32 };
  }

  /** Makes an object of the parts. False: the server does not know the upload, e.g. because it is completed already. */
  async completeUpload(key: string, id: string, parts: readonly UploadedPart[]): Promise<boolean> {
    const Parts = parts.map(({ number, etag, crc32 }) => (
      { PartNumber: number, ETag: etag, ...(crc32 ? { ChecksumCRC32: crc32 } : {}) }
    ));
    const verb = "complete the upload of";
    const call = { operation: "complete_upload", verb, action: "s3:PutObject", key, expected: noUpload };
    const answer = await this.#send(call, (client) =>
      client.send(
        new CompleteMultipartUploadCommand({ ...this.#at(key), UploadId: id, MultipartUpload: { Parts } }),
      ));
    return "value" in answer;
  }

  async abortUpload(key: string, id: string): Promise<void> {
    const action = "s3:AbortMultipartUpload";
    const call = { operation: "abort_upload", verb: "abort the upload of", action, key, expected: noUpload };
    await this.#send(
      call,
      (client) => client.send(new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: id })),
    );
  }

  /** Uploads below a prefix that were begun and not completed, at most 1,000; none where we may not ask. */
  async listUploads(prefix: string): Promise<readonly OpenUpload[]> {
    const call: Call = {
      operation: "list_uploads",
      verb: "list the uploads in",
      action: "s3:ListBucketMultipartUploads",
      key: null,
      expected: (error) => [403, 501].includes(statusOf(error) ?? 0) ? "absent" : null,
    };
    const answer = await this.#send(
      call,
      (client) => client.send(new ListMultipartUploadsCommand({ Bucket: this.bucket, Prefix: prefix })),
    );
    const uploads = "value" in answer ? answer.value.Uploads ?? [] : [];
    return uploads.flatMap(({ Key, UploadId, Initiated }) =>
      Key && UploadId && Initiated ? [{ key: Key, id: UploadId, startedMs: Initiated.getTime() }] : []
    );
  }

  async #getOnce(key: string): Promise<Uint8Array | null> {
    const call = { operation: "get", verb: "read", action: "s3:GetObject", key, expected: absent };
    const answer = await this.#send(call, (client) => client.send(new GetObjectCommand({ ...this.#at(key) })));
    if (!("value" in answer)) return null;
    const { Body, ContentLength } = answer.value;
    let bytes: Uint8Array;
    try {
      bytes = await Body!.transformToByteArray();
    } catch (cause) {
      throw this.#torn(key, cause instanceof Error ? cause.message : String(cause), cause);
    }
    this.meter.count(this.uri, { operation: "get", outcome: "ok", requests: 0, bytesIn: bytes.length });
    if (ContentLength !== undefined && bytes.length !== ContentLength) {
      throw this.#torn(key, `expected ${ContentLength} bytes, current value is ${bytes.length}`);
    }
    return bytes;
  }

  #torn(key: string, why: string, cause?: unknown): TornBody {
    this.meter.count(this.uri, { operation: "get", outcome: "failed", requests: 0 });
    return new TornBody(`Cannot read "s3://${this.bucket}/${key}" to its end: ${why}`, { cause });
  }

  async #answer<T extends Metadata>(call: Call, work: (client: S3Client) => Promise<T>): Promise<T> {
    const answer = await this.#send(call, work);
    if ("value" in answer) return answer.value;
    throw new Error(`${call.operation} expects no ${answer.kind}`);
  }

  /** A refusal of what is out of date (credentials, our clock) is no verdict yet: it was not carried out, so again. */
  async #send<T extends Metadata>(call: Call, work: (client: S3Client) => Promise<T>): Promise<Answer<T>> {
    for (let isRenewed = false;; isRenewed = true) {
      const { clients } = this.#connection;
      try {
        const value = await work(call.once ? clients.single : clients.patient);
        this.#connection.wasFine = true;
        this.#count(call, value.$metadata.attempts, "ok");
        return { kind: "ok", value };
      } catch (error) {
        const attempts = (error as Partial<Metadata> | null)?.$metadata?.attempts;
        const expected = call.expected?.(error) ?? null;
        this.#count(call, attempts, expected ?? (isThrottled(error) ? "throttled" : "failed"));
        if (expected !== null) return { kind: expected };
        if (!isRenewed && (isExpired(error) || isSkewed(error))) {
          if (isExpired(error)) this.#connection.renew(clients);
          continue;
        }
        const attempt = { ...call, bucket: this.bucket, endpoint: endpointOf(this.settings) };
        throw classify(error, attempt, this.#connection.wasFine);
      }
    }
  }

  #count({ operation, bytesOut = 0 }: Call, attempts = 1, outcome: RequestCount["outcome"]): void {
    this.meter.count(this.uri, { operation, outcome, bytesOut });
    const repeated = attempts - 1;
    if (repeated > 0) {
      const counted = { operation, outcome: "retried" as const, requests: repeated, bytesOut: repeated * bytesOut };
      this.meter.count(this.uri, counted);
    }
  }

  #at(Key: string) {
    return { Bucket: this.bucket, Key };
  }

  #encryption() {
    const { encryption, kmsKeyId } = this.settings;
    if (encryption === "none") return {};
    return { ServerSideEncryption: encryption, ...(kmsKeyId ? { SSEKMSKeyId: kmsKeyId } : {}) };
  }
}

/** A body that broke off: the same request may bring all of it. */
class TornBody extends RetriableError {}

interface Metadata {
  readonly $metadata: { readonly attempts?: number };
}

/** The server says that there is no such object: another 404, e.g. of a bucket, is none of those. */
function absent(error: unknown): "absent" | null {
  return ["NoSuchKey", "NotFound"].includes(codeOf(error)) ? "absent" : null;
}

function refused(error: unknown): "absent" | "failed" | null {
  const status = statusOf(error);
  if (status === 404) return "absent";
  return status !== null && [301, 307, 400, 403].includes(status) ? "failed" : null;
}

function noUpload(error: unknown): "absent" | null {
  return codeOf(error) === "NoSuchUpload" ? "absent" : null;
}
