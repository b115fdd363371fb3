/**
 * HTTP's own ways to say who one is: Basic (RFC 7617) and Bearer (RFC 6750). Secrets are compared in constant time;
 * passwords may be given as PBKDF2 hashes (`{PBKDF2}iterations$salt$hash`, SHA-256, base64).
 *
 * @module
 */
import { ConfigError, type ConfigProblem } from "../api/errors.ts";
import { errorResponse } from "./error_response.ts";

/** The refusal of a request, or null. */
export type Authenticate = (request: Request) => Promise<Response | null>;

/** Hashes take 50 ms and more of a core each: beyond this many at once the next is told to come back. */
const CHECKS_AT_ONCE_MAX = 16;
/** Passwords that were right, as digests, so that a client that stays pays for its hash once. */
const KNOWN_MAX = 1000;

/** Passwords by user: those given, and lines `user:password` of a file. Throws ConfigError. */
export function usersOf(given: Readonly<Record<string, string>>, lines: readonly string[]): Map<string, string> {
  const users = new Map(Object.entries(given));
  const problems: ConfigProblem[] = [];
  lines.forEach((line, i) => {
    const colon = line.indexOf(":");
    if (colon > 0) users.set(line.slice(0, colon), line.slice(colon + 1));
    else problems.push({ key: "http.auth.file", why: `entry ${i + 1} is not user:password` });
  });
  for (const [user, password] of users) {
    const key = `http.auth.users.${user}`;
    if (user.includes(":")) problems.push({ key, why: "a user's name cannot hold a colon" });
    if (password === "") problems.push({ key, why: "has an empty password" });
    if (password.startsWith("{PBKDF2}") && parseHash(password) === null) {
      problems.push({ key, why: "must be {PBKDF2}iterations$salt$hash, salt and hash in base64" });
    }
  }
  if (users.size === 0) problems.push({ key: "http.auth", value: "basic", why: "finds no user" });
  if (problems.length > 0) throw new ConfigError(problems);
  return users;
}

/** Lets in who knows a user's password. */
export async function basicAuth(users: ReadonlyMap<string, string>): Promise<Authenticate> {
  const digest = await keyedDigest();
  const known = new Set<string>();
  let checks = 0;
  // An unknown user costs what a known one costs.
  const stranger = [...users.values()].find((password) => password.startsWith("{PBKDF2}")) ?? "";
  const isRight = async (user: string, password: string): Promise<boolean> => {
    const wanted = users.get(user) ?? stranger;
    const hash = parseHash(wanted);
    const same = hash
      ? sameBytes(await derive(password, hash), hash.hash)
      : sameBytes(await digest(password), await digest(wanted));
    return same && users.has(user);
  };
  const refuse = (status: number, message: string) => {
    const response = errorResponse(status, message);
    if (status === 401) response.headers.set("www-authenticate", 'Basic realm="sluice", charset="UTF-8"');
    return response;
  };
  return async (request) => {
    const [, encoded] = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    const [, user, password] = encoded ? /^([^:]*):([^]*)$/.exec(decodeBase64(encoded)) ?? [] : [];
    if (user === undefined || password === undefined) return refuse(401, "Say who you are: user and password");
    const mark = (await digest(`${user}\0${password}`)).toHex();
    if (known.has(mark)) return null;
    if (checks >= CHECKS_AT_ONCE_MAX) return refuse(429, "Too many logins at once; try again");
    checks++;
    try {
      if (!await isRight(user, password)) return refuse(401, "User or password is wrong");
    } finally {
      checks--;
    }
    if (known.size < KNOWN_MAX) known.add(mark);
    return null;
  };
}

/** Lets in who has one of the tokens. Throws ConfigError where there is none. */
export async function bearerAuth(tokens: readonly string[]): Promise<Authenticate> {
  const given = tokens.map((token) => token.trim()).filter((token) => token !== "");
  if (given.length === 0) throw new ConfigError([{ key: "http.auth", value: "bearer", why: "finds no token" }]);
  const digest = await keyedDigest();
  const wanted = await Promise.all(given.map(digest));
  return async (request) => {
    const [, token] = /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    if (token !== undefined) {
      const mark = await digest(token);
      // All of them, whichever it is: the time tells nothing.
      if (wanted.map((each) => sameBytes(each, mark)).includes(true)) return null;
    }
    const response = errorResponse(401, token === undefined ? "Say who you are: a token" : "The token is wrong");
    const why = token === undefined ? "" : ', error="invalid_token"';
    response.headers.set("www-authenticate", `Bearer realm="sluice"${why}`);
    return response;
  };
}

interface PasswordHash {
  readonly iterations: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly hash: Uint8Array<ArrayBuffer>;
}

function parseHash(text: string): PasswordHash | null {
  const [, iterations, salt, hash] = /^\{PBKDF2\}(\d{1,8})\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
  if (hash === undefined || Number(iterations) < 1) return null;
  try {
    return { iterations: Number(iterations), salt: Uint8Array.fromBase64(salt), hash: Uint8Array.fromBase64(hash) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}

async function derive(password: string, { iterations, salt, hash }: PasswordHash): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", TEXT.encode(password), "PBKDF2", false, ["deriveBits"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, hash.length * 8));
}

const TEXT = new TextEncoder();

/** Digests by a key that nobody knows: what they are compared by tells nothing of the text. */
async function keyedDigest(): Promise<(text: string) => Promise<Uint8Array>> {
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]) as CryptoKey;
  return async (text) => new Uint8Array(await crypto.subtle.sign("HMAC", key, TEXT.encode(text)));
}

/** Takes the same time wherever they differ. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < Math.min(a.length, b.length); i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

function decodeBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return "";
  }
}
