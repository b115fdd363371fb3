/**
 * Tokens for OAUTHBEARER: asked for once, kept until most of their life is over, asked for again.
 *
 * @module
 */
import type { Clock } from "../api/clock.ts";
import { FatalError, RetriableError } from "../api/errors.ts";
import { systemClock } from "../clock.ts";
import type { AwsLogin, TokenLogin } from "./security_settings.ts";

/** A token as it was issued. */
export interface IssuedToken {
  readonly text: string;
  readonly lifetimeMs: number;
}

/** Logins are plain data that crosses threads: each thread keeps one token of each. */
const sources = new Map<string, TokenSource>();

/** The token to log in with now. Throws RetriableError, or FatalError that names what to correct. */
export function tokenOf(login: TokenLogin | AwsLogin): Promise<string> {
  const key = JSON.stringify(login);
  let source = sources.get(key);
  if (!source) {
    const issue = login.mechanism === "OAUTHBEARER"
      ? () => requestToken(login)
      : () => presignToken(login, systemClock);
    sources.set(key, source = new TokenSource(issue, systemClock));
  }
  return source.token();
}

/** Of a token's life; Kafka's own default (`sasl.login.refresh.window.factor`). Brokers end sessions with the token's. */
const REFRESH_AFTER = 0.8;

/** One token and its successors. */
export class TokenSource {
  #held: { readonly text: string; readonly refreshAt: number; readonly endsAt: number } | null = null;
  #pending: Promise<string> | null = null;

  constructor(private readonly issue: () => Promise<IssuedToken>, private readonly clock: Clock) {}

  /** The one that is held while it is young; one request at a time. An old one still serves while no new one comes. */
  async token(): Promise<string> {
    const held = this.#held;
    if (held && this.clock.monotonic() < held.refreshAt) return held.text;
    this.#pending ??= this.#renew().finally(() => this.#pending = null);
    try {
      return await this.#pending;
    } catch (error) {
      if (held && error instanceof RetriableError && this.clock.monotonic() < held.endsAt) return held.text;
      throw error;
    }
  }

  async #renew(): Promise<string> {
    // Its life began before the answer arrived.
    const askedAt = this.clock.monotonic();
    const { text, lifetimeMs } = await this.issue();
    this.#held = { text, refreshAt: askedAt + REFRESH_AFTER * lifetimeMs, endsAt: askedAt + lifetimeMs };
    return text;
  }
}

const ID = "sasl.oauthbearer.client.credentials.client.id";
const SECRET = "sasl.oauthbearer.client.credentials.client.secret";
const URL_KEY = "sasl.oauthbearer.token.endpoint.url";
const SCOPE = "sasl.oauthbearer.scope";

/** Asks the endpoint by the client-credentials grant (RFC 6749, 4.4.2). */
export async function requestToken(login: TokenLogin): Promise<IssuedToken> {
  const what = `Cannot get a token for OAUTHBEARER from ${login.endpointUrl} (${URL_KEY})`;
  const encode = login.headerUrlencode ? encodeURIComponent : (text: string) => text;
  const credentials = new TextEncoder().encode(`${encode(login.clientId)}:${encode(login.clientSecret)}`).toBase64();
  const form = new URLSearchParams({ grant_type: "client_credentials" });
  if (login.scope) form.set("scope", login.scope);
  const client = login.ca ? Deno.createHttpClient({ caCerts: [login.ca] }) : null;
  let response: Response;
  let text: string;
  try {
    response = await fetch(login.endpointUrl, {
      method: "POST",
      headers: { "authorization": `Basic ${credentials}`, "accept": "application/json" },
      body: form,
      signal: AbortSignal.timeout(login.timeoutMs),
      ...(client ? { client } : {}),
    });
    text = await response.text();
  } catch (cause) {
    throw new RetriableError(`${what}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  } finally {
    client?.close();
  }
  if (response.ok) return issuedToken(what, text);
  const { status } = response;
  const said = `it answers ${status} ${reasonOf(text)}`.trimEnd();
  if (status === 429 || status >= 500) throw new RetriableError(`${what}: ${said}`);
  const fix = status === 404 || status === 405 ? "correct the URL" : `correct ${ID}, ${SECRET} or ${SCOPE}`;
  throw new FatalError(`${what}: ${said}; ${fix}`);
}

function issuedToken(what: string, text: string): IssuedToken {
  const answer = parseObject(text);
  const token = answer?.access_token;
  if (typeof token !== "string" || token === "") {
    throw new FatalError(`${what}: its answer is no JSON with an access_token; correct the URL`);
  }
  const seconds = Number(answer?.expires_in ?? NaN);
  if (!(seconds > 0)) throw new FatalError(`${what}: its answer has no expires_in, the token's life in seconds`);
  return { text: token, lifetimeMs: seconds * 1000 };
}

/** The error of RFC 6749, 5.2, where it is one. */
function reasonOf(text: string): string {
  const { error, error_description } = parseObject(text) ?? {};
  const parts = [error, error_description].filter((part) => typeof part === "string");
  return parts.length > 0 ? `(${parts.join(": ")})` : "";
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : null;
  } catch {
    return null; // the caller says so
  }
}

/** Presigns `kafka-cluster:Connect` with the credentials of the AWS SDK's chain, a profile or a role. */
export async function presignToken(login: AwsLogin, clock: Pick<Clock, "now">): Promise<IssuedToken> {
  const { region, roleArn, roleSessionName, profile } = login;
  // Here, not above: it brings the AWS SDK, which nobody else needs.
  const signer = await import("aws-msk-iam-sasl-signer-js");
  try {
    const { token, expiryTime } = roleArn
      ? await signer.generateAuthTokenFromRole({
        region,
        awsRoleArn: roleArn,
        ...(roleSessionName ? { awsRoleSessionName: roleSessionName } : {}),
      })
      : profile
      ? await signer.generateAuthTokenFromProfile({ region, awsProfileName: profile })
      : await signer.generateAuthToken({ region });
    return { text: token, lifetimeMs: expiryTime - clock.now() };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = `Cannot sign a token for Amazon MSK in ${region}: ${why}`;
    if (cause instanceof Error && cause.name === "CredentialsProviderError") {
      const fix = "give AWS credentials by the environment, a profile, a role of this machine, or awsRoleArn and " +
        "awsProfileName in sasl.jaas.config";
      throw new FatalError(`${what}; ${fix}`, { cause });
    }
    throw new RetriableError(what, { cause });
  }
}
