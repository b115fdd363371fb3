/**
 * A small STS (AssumeRole alone), and a guard for a `FakeS3` that accepts the credentials that it gave until they expire.
 *
 * @module
 */
import { assumedRole, type FakeRequest, s3Error } from "./fake_s3.ts";

interface Session {
  readonly sessionToken: string;
  expiresMs: number;
}

/** See the module's doc. */
export class FakeSts implements AsyncDisposable {
  readonly url: string;
  /** What was asked for, each as STS got it. */
  readonly asked: URLSearchParams[] = [];
  /** Answers in its place; null: it does. */
  refusal: Response | null = null;
  readonly #sessions = new Map<string, Session>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Sessions live `lifetimeMs`, and say so unless `saysMs` is what they say. */
  constructor(private readonly lifetimeMs: number, private readonly saysMs = lifetimeMs) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  /** For `FakeS3Options.intercept`: refuses as S3 does what STS did not give, or gave too long ago. */
  readonly guard = ({ method, accessKeyId, sessionToken }: FakeRequest): Response | null => {
    const session = this.#sessions.get(accessKeyId ?? "");
    // S3 says it with 400; an answer to HEAD has no body.
    const refused = (status: number, code: string) =>
      method === "HEAD" ? new Response(null, { status }) : s3Error(status, code);
    if (!session) return refused(403, "InvalidAccessKeyId");
    if (session.sessionToken !== sessionToken) return refused(400, "InvalidToken");
    return session.expiresMs <= Date.now() ? refused(400, "ExpiredToken") : null;
  };

  /** Ends all sessions now. */
  expire(): void {
    for (const session of this.#sessions.values()) session.expiresMs = 0;
  }

  async #answer(request: Request): Promise<Response> {
    this.asked.push(new URLSearchParams(await request.text()));
    if (this.refusal) return this.refusal.clone();
    const accessKeyId = `ASIA${this.asked.length}`;
    const session = { sessionToken: `token-${this.asked.length}`, expiresMs: Date.now() + this.lifetimeMs };
    this.#sessions.set(accessKeyId, session);
    const expires = new Date(Date.now() + this.saysMs);
    return assumedRole({ accessKeyId, secretAccessKey: "s", sessionToken: session.sessionToken, expires });
  }
}
