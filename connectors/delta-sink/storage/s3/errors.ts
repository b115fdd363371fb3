/**
 * What S3 (and the way to it) throws, as verdicts: what may pass is retriable, what needs a person is fatal and says what
 * to do, anything else is a bug and stays as it is.
 *
 * @module
 */
import { FatalError, RetriableError } from "../../../../mod.ts";

/** What was attempted. */
export interface S3Attempt {
  /** For people: `read`, `write`, ... */
  readonly verb: string;
  /** The permission that it takes, e.g. `s3:GetObject`. */
  readonly action: string;
  readonly bucket: string;
  /** Null where it is about the bucket. */
  readonly key: string | null;
  readonly endpoint: string | null;
}

/** A role could not be assumed; the cause is what STS, or the chain of credentials, threw. */
export class RoleError extends Error {
  /** The class of errors. */
  override name = "RoleError";
  /** `role` is its ARN. */
  constructor(readonly role: string, cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

const THROTTLED = ["SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"];
const TRANSIENT = [
  ...["InternalError", "ServiceUnavailable", "RequestTimeout", "TimeoutError", "OperationAborted"],
  ...["ConditionalRequestConflict", "RequestLimitExceeded", "BandwidthLimitExceeded", "AbortError"],
];
const EXPIRED = ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"];
const SKEWED = ["RequestTimeTooSkewed", "RequestInTheFuture"];
const REDIRECTS = ["PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"];

const NETWORK_CODE =
  /^(ECONN\w+|EPIPE|E\w*TIMEDOUT|EHOST\w+|ENET\w+|ENOTFOUND|EAI_\w+|EADDRNOTAVAIL|ERR_(HTTP|SOCKET|STREAM_PREM)\w+)$/;

/** The server asks for less. */
export function isThrottled(error: unknown): boolean {
  const { name, status } = describe(error);
  return THROTTLED.includes(name) || status === 429 || status === 503;
}

/** The credentials were good once. */
export function isExpired(error: unknown): boolean {
  return EXPIRED.includes(describe(error).name);
}

/** Our clock is wrong; the SDK knows the server's time from now on. */
export function isSkewed(error: unknown): boolean {
  return SKEWED.includes(describe(error).name);
}

/** The answer's HTTP status, or null where there was none. */
export function statusOf(error: unknown): number | null {
  return describe(error).status;
}

/** The server's word for the failure, e.g. `NoSuchKey`. */
export function codeOf(error: unknown): string {
  return describe(error).name;
}

/** See the module's doc. `wasFine`: these credentials have worked before. */
export function classify(error: unknown, attempt: S3Attempt, wasFine = false): unknown {
  if (!(error instanceof Error) || error instanceof RetriableError || error instanceof FatalError) return error;
  const { name, status } = describe(error);
  const where = attempt.key === null ? `bucket "${attempt.bucket}"` : `"s3://${attempt.bucket}/${attempt.key}"`;
  const what = `Cannot ${attempt.verb} ${where}`;
  const fatal = (why: string) => new FatalError(`${what}: ${why}`, { cause: error });
  const retriable = (why: string) => new RetriableError(`${what}: ${why}`, { cause: error });
  const said = `${name}${status ? ` (${status})` : ""}: ${error.message}`;
  if (error instanceof RoleError) return roleError(error, what);
  if (EXPIRED.includes(name)) {
    return retriable(
      `${said}. The credentials have expired: renew them, or let s3.role.arn or the machine's role do it`,
    );
  }
  if (isThrottled(error) || TRANSIENT.includes(name) || (status !== null && status >= 500 && status !== 501)) {
    return retriable(said);
  }
  if (/certificate/i.test(error.message)) {
    return fatal(`${said}. Let this machine trust the server's certificate (DENO_CERT), or correct s3.endpoint`);
  }
  if (isNetwork(error)) return retriable(`no answer from ${attempt.endpoint ?? "AWS"}: ${said}`);
  const isAnswer = "$metadata" in error;
  // An answer of success, or a refusal's text, that cannot be read: its end is missing.
  const isUnread = (status !== null && status < 300) || /\bDeserialization error\b/.test(error.message);
  if (isAnswer && isUnread) return retriable(`the answer is damaged: ${error.message}`);
  if (name === "CredentialsProviderError" || name === "ProviderError") {
    const why =
      `no credentials: ${error.message}. Set s3.access.key.id and s3.secret.access.key, AWS_ACCESS_KEY_ID and ` +
      "AWS_SECRET_ACCESS_KEY, a profile, or give the machine a role";
    return wasFine ? retriable(why) : fatal(why);
  }
  if (/^Region is missing/.test(error.message)) return fatal("the region is not known: set s3.region or AWS_REGION");
  return isAnswer ? fatal(advice(error, name, status, attempt, said)) : error;
}

/** What a person can do about a refusal. */
function advice(error: Error, name: string, status: number | null, attempt: S3Attempt, said: string): string {
  const { action, bucket, endpoint, key } = attempt;
  const region = regionOf(error);
  if (name === "NoSuchBucket") return `${said}. There is no bucket "${bucket}": create it, or correct table.uri`;
  if (name === "InvalidBucketName") return `${said}. Correct the bucket in table.uri`;
  if (REDIRECTS.includes(name) || status === 301 || status === 307) {
    return `${said}. The bucket is in ${
      region ? `region ${region}: set s3.region: ${region}` : "another region: set s3.region"
    }` +
      (endpoint ? `, or correct s3.endpoint, current value is ${endpoint}` : "");
  }
  if (name === "SignatureDoesNotMatch") return `${said}. The secret access key is wrong: correct s3.secret.access.key`;
  if (/InvalidAccessKeyId|UserNotFound/.test(name)) {
    return `${said}. The access key is not known there: correct s3.access.key.id`;
  }
  if (name === "InvalidToken") {
    return `${said}. The session token is not one of this access key: correct s3.session.token`;
  }
  if (SKEWED.includes(name)) {
    return `${said}. This machine's clock is wrong: set it, e.g. by NTP`;
  }
  if (name === "NotImplemented" || status === 501) {
    return `${said}. The server cannot do ${action} as it is needed here: use another S3-compatible store`;
  }
  if (status === 403) {
    const hint = action === "s3:GetObject" ? " (and s3:ListBucket: without it, what is missing is refused too)" : "";
    const resource = key === null ? `arn:aws:s3:::${bucket}` : `arn:aws:s3:::${bucket}/${key}`;
    return `${said}. Allow ${action}${hint} on ${resource} to these credentials, in their policy or the bucket's`;
  }
  return said;
}

function roleError({ role, cause }: RoleError, what: string): unknown {
  const { name, status } = describe(cause);
  const why = `${what}: cannot assume role "${role}" (sts:AssumeRole): ${name}: ${messageOf(cause)}`;
  const mayPass = isNetwork(cause) || isThrottled(cause) || (status !== null && status >= 500) ||
    TRANSIENT.includes(name) || EXPIRED.includes(name);
  if (mayPass) return new RetriableError(why, { cause });
  const fix = status === 403
    ? "Let the role's trust policy name these credentials, and its external id be s3.external.id"
    : "Correct s3.role.arn, s3.sts.endpoint, or the credentials that assume it";
  return new FatalError(`${why}. ${fix}`, { cause });
}

/** The connection failed, or never came about. */
function isNetwork(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 5) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && NETWORK_CODE.test(code)) return true;
  if (error.name === "TimeoutError") return true;
  const { errors } = Deno;
  const kinds = [
    ...[errors.ConnectionReset, errors.ConnectionRefused, errors.ConnectionAborted, errors.BrokenPipe, errors.Http],
    ...[errors.UnexpectedEof, errors.TimedOut, errors.NotConnected, errors.NetworkUnreachable, errors.Interrupted],
  ];
  return kinds.some((kind) => error instanceof kind) || isNetwork(error.cause, depth + 1);
}

/** The bucket's region, where the server says it. */
function regionOf(error: Error): string | null {
  const { Region, $response } = error as Error & {
    Region?: unknown;
    $response?: { headers?: Readonly<Record<string, string>> };
  };
  return $response?.headers?.["x-amz-bucket-region"] ?? (typeof Region === "string" ? Region : null);
}

function describe(error: unknown): { name: string; status: number | null } {
  if (typeof error !== "object" || error === null) return { name: typeof error, status: null };
  const { name, Code, $metadata } = error as {
    name?: unknown;
    Code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  return { name: String(Code ?? name), status: $metadata?.httpStatusCode ?? null };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
