/**
 * A token endpoint for OAUTHBEARER.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** The client that the token endpoint knows. */
export const CLIENT = { id: "sluice", secret: "the client's secret", scope: "kafka" } as const;

/** What stands for an identity provider. */
export interface TokenEndpoint {
  readonly url: string;
  readonly keysUrl: string;
  readonly issuer: string;
  /** Seconds that tokens live. */
  lifetimeSeconds: number;
  /** Answers with this status instead of a token. */
  failure: number | null;
  /** Issues tokens for another audience: a broker refuses them. */
  audience: string;
  /** Tokens issued. */
  readonly issued: number;
  close(): Promise<void>;
}

/** Issues RS256 tokens by the client-credentials grant, on a free port. */
export function startTokenEndpoint(): TokenEndpoint {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  let issued = 0;
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      if (new URL(request.url).pathname === "/keys") {
        const key = publicKey.export({ format: "jwk" });
        return Response.json({ keys: [{ ...key, kid: "1", alg: "RS256", use: "sig" }] });
      }
      if (endpoint.failure !== null) return Response.json({ error: "told to fail" }, { status: endpoint.failure });
      const form = new URLSearchParams(await request.text());
      const basic = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString("base64")}`;
      if (request.headers.get("authorization") !== basic) {
        return Response.json({ error: "invalid_client", error_description: "no such client" }, { status: 401 });
      }
      if (form.get("grant_type") !== "client_credentials" || form.get("scope") !== CLIENT.scope) {
        return Response.json({ error: "invalid_scope" }, { status: 400 });
      }
      issued++;
      const { lifetimeSeconds: expires_in, audience } = endpoint;
      const iat = Math.floor(Date.now() / 1000);
      const claims = { sub: CLIENT.id, iss: endpoint.issuer, aud: audience, scope: CLIENT.scope, iat };
      const access_token = signed({ ...claims, exp: iat + expires_in }, privateKey);
      return Response.json({ access_token, token_type: "Bearer", expires_in });
    },
  );
  const base: string = `http://127.0.0.1:${server.addr.port}`;
  const endpoint: TokenEndpoint = {
    url: `${base}/token`,
    keysUrl: `${base}/keys`,
    issuer: base,
    lifetimeSeconds: 300,
    failure: null,
    audience: "kafka",
    get issued() {
      return issued;
    },
    close: () => server.shutdown(),
  };
  return endpoint;
}

function signed(claims: Record<string, unknown>, key: KeyObject): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "RS256", typ: "JWT", kid: "1" })}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}
