/**
 * A small S3 server in memory, path style, that can be as bad as some real ones are, and answer what a test wants. What
 * it does right is what versitygw does: the conformance suite runs over both.
 *
 * @module
 */

/** What a request is, for those who answer in the server's place. */
export interface FakeRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** The access key that it is signed with; the signature itself is not looked at. */
  readonly accessKeyId: string | null;
  readonly sessionToken: string | null;
}

/** How it behaves. */
export interface FakeS3Options {
  readonly buckets?: readonly string[];
  /** `racing`: the condition is looked at before the put, not with it; `ignored`: not at all. */
  readonly exclusion?: "exact" | "racing" | "ignored";
  /** Objects of a page of a listing. */
  readonly pageSize?: number;
  /** Answers in the server's place; null: it does. */
  readonly intercept?: (request: FakeRequest) => Response | null;
}

interface FakeObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly modified: Date;
}

interface FakeUpload {
  readonly key: string;
  readonly parts: Map<number, Uint8Array<ArrayBuffer>>;
  readonly started: Date;
}

/** See the module's doc. */
export class FakeS3 implements AsyncDisposable {
  /** By bucket and key, e.g. `lake/orders/x`. */
  readonly objects = new Map<string, FakeObject>();
  readonly uploads = new Map<string, FakeUpload>();
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(private readonly options: FakeS3Options = {}) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, bucket, rest = ""] = /^\/([^/]*)(?:\/(.*))?$/.exec(url.pathname)!;
    const key = decodeURIComponent(rest);
    const { method, headers } = request;
    const accessKeyId = /Credential=([^/]+)\//.exec(headers.get("authorization") ?? "")?.[1] ?? null;
    const sessionToken = headers.get("x-amz-security-token");
    const seen = { method, bucket, key, query: url.searchParams, headers, accessKeyId, sessionToken };
    const body = new Uint8Array(await request.arrayBuffer());
    const instead = this.options.intercept?.(seen) ?? null;
    if (instead) return instead;
    if (!(this.options.buckets ?? ["lake"]).includes(bucket)) return s3Error(404, "NoSuchBucket");
    if (key === "") return url.searchParams.has("uploads") ? this.#listUploads() : this.#list(bucket, url.searchParams);
    const name = `${bucket}/${key}`;
    if (url.searchParams.has("uploads") || url.searchParams.has("uploadId")) {
      return this.#upload(method, name, url.searchParams, body);
    }
    if (method === "PUT") return await this.#put(name, body, headers.get("if-none-match") === "*");
    if (method === "DELETE") {
      this.objects.delete(name);
      return new Response(null, { status: 204 });
    }
    const object = this.objects.get(name);
    if (!object) return method === "HEAD" ? new Response(null, { status: 404 }) : s3Error(404, "NoSuchKey");
    const about = { "content-length": String(object.bytes.length), "last-modified": object.modified.toUTCString() };
    return new Response(method === "HEAD" ? null : object.bytes, { headers: about });
  }

  async #put(name: string, bytes: Uint8Array<ArrayBuffer>, ifAbsent: boolean): Promise<Response> {
    const { exclusion = "exact" } = this.options;
    const isThere = this.objects.has(name);
    if (ifAbsent && isThere && exclusion !== "ignored") return s3Error(412, "PreconditionFailed");
    if (exclusion === "racing") await new Promise((resolve) => setTimeout(resolve, 2));
    this.objects.set(name, { bytes, modified: new Date() });
    return new Response(null, { headers: { etag: '"fake"' } });
  }

  #list(bucket: string, query: URLSearchParams): Response {
    const { pageSize = 1000 } = this.options;
    const prefix = query.get("prefix") ?? "";
    const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
    const found = [...this.objects].map(([name, object]) => ({ key: name.slice(bucket.length + 1), object }))
      .filter(({ key }) => key.startsWith(prefix) && key > after).sort((a, b) => a.key < b.key ? -1 : 1);
    const page = found.slice(0, pageSize);
    const contents = page.map(({ key, object: { bytes, modified } }) =>
      `<Contents><Key>${escaped(key)}</Key><Size>${bytes.length}</Size>` +
      `<LastModified>${modified.toISOString()}</LastModified></Contents>`
    );
    const isCut = found.length > page.length;
    const token = isCut ? `<NextContinuationToken>${escaped(page.at(-1)!.key)}</NextContinuationToken>` : "";
    return xml(
      200,
      `<ListBucketResult><IsTruncated>${isCut}</IsTruncated>${token}${contents.join("")}</ListBucketResult>`,
    );
  }

  #listUploads(): Response {
    const uploads = [...this.uploads].map(([id, { key, started }]) =>
      `<Upload><Key>${escaped(key.slice(key.indexOf("/") + 1))}</Key><UploadId>${id}</UploadId>` +
      `<Initiated>${started.toISOString()}</Initiated></Upload>`
    );
    return xml(200, `<ListMultipartUploadsResult>${uploads.join("")}</ListMultipartUploadsResult>`);
  }

  #upload(method: string, name: string, query: URLSearchParams, body: Uint8Array<ArrayBuffer>): Response {
    const id = query.get("uploadId");
    if (id === null) {
      const made = crypto.randomUUID();
      this.uploads.set(made, { key: name, parts: new Map(), started: new Date() });
      return xml(
        200,
        `<InitiateMultipartUploadResult><UploadId>${made}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    const upload = this.uploads.get(id);
    if (!upload) return s3Error(404, "NoSuchUpload");
    if (method === "PUT") {
      upload.parts.set(Number(query.get("partNumber")), body);
      return new Response(null, { headers: { etag: '"fake"' } });
    }
    this.uploads.delete(id);
    if (method === "DELETE") return new Response(null, { status: 204 });
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
    this.objects.set(name, { bytes: whole, modified: new Date() });
    return xml(200, "<CompleteMultipartUploadResult><ETag>fake</ETag></CompleteMultipartUploadResult>");
  }
}

/** An error as S3 words it. */
export function s3Error(status: number, code: string, headers: Readonly<Record<string, string>> = {}): Response {
  return xml(status, `<Error><Code>${code}</Code><Message>${code}, says the fake</Message></Error>`, headers);
}

/** STS's answer to AssumeRole. */
export function assumedRole(
  { accessKeyId, secretAccessKey, sessionToken, expires }: {
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken: string;
    expires: Date;
  },
): Response {
  return xml(
    200,
    '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>' +
      `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>` +
      `<SessionToken>${sessionToken}</SessionToken><Expiration>${expires.toISOString()}</Expiration></Credentials>` +
      "<AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>a:b</AssumedRoleId></AssumedRoleUser>" +
      "</AssumeRoleResult></AssumeRoleResponse>",
  );
}

function xml(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`, {
    status,
    headers: { "content-type": "application/xml", ...headers },
  });
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
