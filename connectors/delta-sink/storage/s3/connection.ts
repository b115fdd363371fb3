/**
 * The SDK's clients for one set of settings, shared by all tables of a thread that have them: one that retries, and one
 * that makes a single attempt, for conditional puts. Imported when the first table on S3 is opened, and by nobody else.
 *
 * @module
 */
import { Agent, type ClientRequest } from "node:http";
import { Agent as TlsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { fromTemporaryCredentials } from "@aws-sdk/credential-providers";
import { RoleError } from "./errors.ts";
import type { S3Settings } from "./options.ts";

const ATTEMPTS_MAX = 4;
/** Sockets of a thread to one server: several uploads of several parts, and the log. */
const SOCKETS_MAX = 64;
const ROLE_LIFETIME_S = 3600;

/**
 * Connections that carry many requests. Where one of them ends without an answer, or a request on it is given up (a
 * time-out), Deno's node:http sends that request again, unasked, on a connection that nobody ever closes: conditional
 * puts meet their own object then, and after `SOCKETS_MAX` time-outs nothing is sent any more. It does so only for
 * requests that are marked as sent on a connection that was used before.
 */
class PlainAgent extends Agent {
  /** Called for a connection that is used again. */
  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    super.reuseSocket(socket, request);
    request.reusedSocket = false;
  }
}

/** The same over TLS. */
class PlainTlsAgent extends TlsAgent {
  /** Called for a connection that is used again. */
  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    super.reuseSocket(socket, request);
    request.reusedSocket = false;
  }
}

/** Clients with the same sockets and credentials. */
export interface S3Clients {
  /** Repeats what failed in passing, with back-off. */
  readonly patient: S3Client;
  /** Tries once: a put that is repeated after a lost answer would see itself as its rival. */
  readonly single: S3Client;
}

/** See the module's doc. */
export class S3Connection {
  #clients: S3Clients;
  /** These credentials have worked. */
  wasFine = false;

  constructor(private readonly settings: S3Settings) {
    this.#clients = connect(settings);
  }

  get clients(): S3Clients {
    return this.#clients;
  }

  /** Asks the source of the credentials again, in place of what `seen` was given: once for all that saw the same. */
  renew(seen: S3Clients): void {
    if (seen === this.#clients) this.#clients = connect(this.settings);
  }
}

const connections = new Map<string, S3Connection>();

/** The connection of these settings. */
export function connectionOf(settings: S3Settings): S3Connection {
  const key = JSON.stringify(settings);
  let connection = connections.get(key);
  if (!connection) connections.set(key, connection = new S3Connection(settings));
  return connection;
}

/** The endpoint as the SDK will have it: ours, or that of the environment. */
export function endpointOf({ endpoint }: S3Settings): string | null {
  return endpoint ?? Deno.env.get("AWS_ENDPOINT_URL_S3") ?? Deno.env.get("AWS_ENDPOINT_URL") ?? null;
}

function connect(settings: S3Settings): S3Clients {
  const { pathStyle, connectTimeoutMs, requestTimeoutMs } = settings;
  const endpoint = endpointOf(settings);
  const region = settings.region ?? (endpoint ? Deno.env.get("AWS_REGION") ?? "us-east-1" : undefined);
  const config: S3ClientConfig = {
    ...(endpoint ? { endpoint } : {}),
    ...(region ? { region } : {}),
    forcePathStyle: pathStyle === "auto" ? endpoint !== null : pathStyle === "true",
    // A round trip less for each part.
    expectContinueHeader: false,
  };
  const requestHandler = (keepAlive: boolean) => ({
    connectionTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
    socketTimeout: requestTimeoutMs,
    httpAgent: new PlainAgent({ keepAlive, maxSockets: SOCKETS_MAX }),
    httpsAgent: new PlainTlsAgent({ keepAlive, maxSockets: SOCKETS_MAX }),
  });
  const credentials = credentialsOf(settings, region);
  const both = credentials ? { ...config, credentials } : config;
  const patient = new S3Client({
    ...both,
    requestHandler: requestHandler(true),
    maxAttempts: ATTEMPTS_MAX,
    retryMode: "standard",
  });
  const single = new S3Client({
    ...config,
    credentials: () => patient.config.credentials(), // looked up once for both
    // A fresh connection each time: one that the server has just given up would leave open what became of the put.
    requestHandler: requestHandler(false),
    maxAttempts: 1,
  });
  return { patient, single };
}

type Credentials = Exclude<NonNullable<S3ClientConfig["credentials"]>, (...args: never) => unknown>;

/** Undefined: the SDK's chain. */
function credentialsOf(settings: S3Settings, region: string | undefined): S3ClientConfig["credentials"] {
  const { accessKeyId, secretAccessKey, sessionToken, roleArn, externalId, roleSessionName, stsEndpoint } = settings;
  const own: Credentials | undefined = accessKeyId && secretAccessKey
    ? { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
    : undefined;
  if (!roleArn) return own;
  const assume = fromTemporaryCredentials({
    ...(own ? { masterCredentials: own } : {}),
    params: {
      RoleArn: roleArn,
      RoleSessionName: roleSessionName,
      DurationSeconds: ROLE_LIFETIME_S,
      ...(externalId ? { ExternalId: externalId } : {}),
    },
    clientConfig: { ...(region ? { region } : {}), ...(stsEndpoint ? { endpoint: stsEndpoint } : {}) },
  });
  return async () => {
    try {
      return await assume();
    } catch (cause) {
      throw new RoleError(roleArn, cause);
    }
  };
}
