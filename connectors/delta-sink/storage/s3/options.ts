/**
 * The options of tables on S3, and the plain settings that come of them.
 *
 * @module
 */
import { ConfigError, type ConfigProblem, MiB, option, type Values } from "../../../../mod.ts";

const group = "s3";
const perTopic = false;

/** The declaration: part of the Delta sink's, and what commands about tables take. */
export const s3Options = {
  "s3.endpoint": option.optionalString({
    doc: "The URL of an S3-compatible server; AWS, or `AWS_ENDPOINT_URL`, unless set.",
    group,
    perTopic,
  }),
  "s3.region": option.optionalString({
    doc: "The bucket's region; `AWS_REGION` or the profile's unless set, `us-east-1` with an own endpoint.",
    group,
    perTopic,
  }),
  "s3.path.style.access": option.oneOf(["auto", "true", "false"], {
    doc: "The bucket in the path instead of the host's name; auto: with an own endpoint.",
    default: "auto",
    importance: "low",
    group,
    perTopic,
  }),
  "s3.access.key.id": option.secret({
    doc:
      "An access key; unless set the SDK's chain finds one: environment, profile, web identity, SSO, container, machine.",
    group,
    perTopic,
  }),
  "s3.secret.access.key": option.secret({ doc: "The secret of the access key.", group, perTopic }),
  "s3.session.token": option.secret({
    doc: "The session token of a temporary access key. It cannot be renewed when it expires; a role can.",
    group,
    perTopic,
  }),
  "s3.role.arn": option.optionalString({
    doc: "A role to assume (STS) with those credentials, e.g. one of each connector; renewed before it expires.",
    group,
    perTopic,
  }),
  "s3.external.id": option.optionalString({
    doc: "The external id that the role's trust policy asks for.",
    group,
    perTopic,
  }),
  "s3.role.session.name": option.string({
    doc: "What the role's session is called in the audit log of AWS.",
    default: "sluice",
    importance: "low",
    group,
    perTopic,
  }),
  "s3.sts.endpoint": option.optionalString({
    doc: "The URL of STS; the region's unless set.",
    importance: "low",
    group,
    perTopic,
  }),
  "s3.connect.timeout.ms": option.durationMs({
    doc: "How long a connection may take to come about.",
    default: 5_000,
    min: 1,
    importance: "low",
    group,
    perTopic,
  }),
  "s3.request.timeout.ms": option.durationMs({
    doc: "How long an answer may take, and how long it may stall.",
    default: 30_000,
    min: 1,
    importance: "low",
    group,
    perTopic,
  }),
  "s3.part.size.bytes": option.bytes({
    doc: "Files over this are uploaded in parts of it, several at a time. An open file takes up to this much memory.",
    default: 8 * MiB,
    min: 5 * MiB,
    max: 1024 * MiB,
    importance: "low",
    group,
    perTopic,
  }),
  "s3.ssea.name": option.oneOf(["none", "AES256", "aws:kms"], {
    doc: "Server-side encryption to ask for; none: what the bucket's default is.",
    default: "none",
    importance: "low",
    group,
    perTopic,
  }),
  "s3.sse.kms.key.id": option.optionalString({
    doc: "The key for `aws:kms`; the account's own unless set.",
    importance: "low",
    group,
    perTopic,
  }),
} as const;

/** How to reach S3. Plain data with secrets in it: it crosses a thread, and is never logged. */
export interface S3Settings {
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly pathStyle: "auto" | "true" | "false";
  readonly accessKeyId: string | null;
  readonly secretAccessKey: string | null;
  readonly sessionToken: string | null;
  readonly roleArn: string | null;
  readonly externalId: string | null;
  readonly roleSessionName: string;
  readonly stsEndpoint: string | null;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly partBytes: number;
  readonly encryption: "none" | "AES256" | "aws:kms";
  readonly kmsKeyId: string | null;
}

/** What holds where nothing is set. */
export const S3_DEFAULTS: S3Settings = {
  endpoint: null,
  region: null,
  pathStyle: s3Options["s3.path.style.access"].default!,
  accessKeyId: null,
  secretAccessKey: null,
  sessionToken: null,
  roleArn: null,
  externalId: null,
  roleSessionName: s3Options["s3.role.session.name"].default!,
  stsEndpoint: null,
  connectTimeoutMs: s3Options["s3.connect.timeout.ms"].default!,
  requestTimeoutMs: s3Options["s3.request.timeout.ms"].default!,
  partBytes: s3Options["s3.part.size.bytes"].default!,
  encryption: s3Options["s3.ssea.name"].default!,
  kmsKeyId: null,
};

/**
 * The settings that parsed options stand for. Throws ConfigError where some have no effect without others; `path` stands
 * before keys in problems.
 */
export function s3Settings(values: Values<typeof s3Options>, path = ""): S3Settings {
  const problems: ConfigProblem[] = [];
  const needs = (key: keyof typeof s3Options, other: keyof typeof s3Options, why: string) => {
    if (values[key] !== null && values[other] === null) {
      problems.push({ key: path + key, why: `${why}: set ${other} too` });
    }
  };
  needs("s3.access.key.id", "s3.secret.access.key", "an access key comes with its secret");
  needs("s3.secret.access.key", "s3.access.key.id", "a secret comes with its access key");
  needs("s3.session.token", "s3.access.key.id", "a session token belongs to an access key");
  needs("s3.external.id", "s3.role.arn", "an external id is for assuming a role");
  needs("s3.sts.endpoint", "s3.role.arn", "STS is asked for a role");
  if (values["s3.sse.kms.key.id"] !== null && values["s3.ssea.name"] !== "aws:kms") {
    problems.push({ key: `${path}s3.sse.kms.key.id`, why: "is used by aws:kms alone: set s3.ssea.name to it" });
  }
  for (const key of ["s3.endpoint", "s3.sts.endpoint"] as const) {
    const value = values[key];
    if (value === null || (URL.canParse(value) && /^https?:/.test(value))) continue;
    problems.push({ key: path + key, value, why: "must be a URL, e.g. http://127.0.0.1:9000" });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    endpoint: values["s3.endpoint"],
    region: values["s3.region"],
    pathStyle: values["s3.path.style.access"],
    accessKeyId: values["s3.access.key.id"]?.reveal() ?? null,
    secretAccessKey: values["s3.secret.access.key"]?.reveal() ?? null,
    sessionToken: values["s3.session.token"]?.reveal() ?? null,
    roleArn: values["s3.role.arn"],
    externalId: values["s3.external.id"],
    roleSessionName: values["s3.role.session.name"],
    stsEndpoint: values["s3.sts.endpoint"],
    connectTimeoutMs: values["s3.connect.timeout.ms"],
    requestTimeoutMs: values["s3.request.timeout.ms"],
    partBytes: values["s3.part.size.bytes"],
    encryption: values["s3.ssea.name"],
    kmsKeyId: values["s3.sse.kms.key.id"],
  };
}

/** The bucket and the prefix (with a slash at its end, or empty) of a table's URI; throws ConfigError. */
export function s3Place(uri: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, path = ""] = /^s3a?:\/\/([^/]+)(?:\/(.*))?$/i.exec(uri) ?? [];
  const prefix = path.replace(/\/+$/, "");
  const isUsable = bucket && (prefix === "" || prefix.split("/").every((part) => !["", ".", ".."].includes(part)));
  if (isUsable) return { bucket, prefix: prefix === "" ? "" : `${prefix}/` };
  throw new ConfigError([{ key: "table.uri", value: uri, why: "must be s3://BUCKET/PATH, e.g. s3://lake/orders" }]);
}
