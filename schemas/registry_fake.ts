/**
 * A small Schema Registry over HTTP on 127.0.0.1, for tests of what the registry that runs beside them cannot do (GUIDs):
 * the Confluent API's paths to read, look up and register schemas, with their rule sets and metadata, and its error codes.
 *
 * @module
 */
import type { RegisteredSchema } from "./registry.ts";

/** A running registry. */
export interface FakeRegistry {
  readonly url: string;
  /** The paths that were asked for, in order. */
  readonly requests: string[];
  /** What it holds; add to it at any time. */
  readonly schemas: RegisteredSchema[];
  /** Answers instead of the registry where it returns a response. */
  intercept: ((request: Request) => Response | Promise<Response> | null) | null;
  stop(): Promise<void>;
}

/** Starts one on a free port. */
export function startFakeRegistry(schemas: RegisteredSchema[] = []): FakeRegistry {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname: path, searchParams: query } = new URL(request.url);
    requests.push(path);
    const intercepted = await fake.intercept?.(request);
    if (intercepted) return intercepted;
    if (request.method === "POST") return registration(schemas, path, await request.json());
    return withMetadata(schemas, path, query) ?? answer(schemas, path);
  });
  const fake: FakeRegistry = {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    schemas,
    intercept: null,
    stop: () => server.shutdown(),
  };
  return fake;
}

/** The registry's JSON. */
export function registryJson(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
  });
}

function answer(schemas: readonly RegisteredSchema[], path: string): Response {
  if (path.endsWith("/schemas/types")) return registryJson(200, ["AVRO", "JSON", "PROTOBUF"]);
  const versions = /\/schemas\/ids\/(\d+)\/versions$/.exec(path)?.[1];
  if (versions) {
    const held = schemas.filter(({ id, subject }) => id === Number(versions) && subject !== undefined);
    return registryJson(200, held.map(({ subject, version = 1 }) => ({ subject, version })));
  }
  const id = /\/schemas\/ids\/(\d+)$/.exec(path)?.[1];
  if (id) return schemaAnswer(schemas.find((s) => s.id === Number(id)), `Schema ${id}`);
  const [, guid, ids] = /\/schemas\/guids\/([0-9a-f-]+)(\/ids)?$/.exec(path) ?? [];
  if (guid) {
    const found = schemas.filter((s) => s.guid === guid);
    if (ids) return registryJson(200, found.map((s) => ({ context: ".", id: s.id })));
    return schemaAnswer(found[0], `Schema ${guid}`);
  }
  if (path.endsWith("/subjects")) return registryJson(200, [...new Set(schemas.map(({ subject }) => subject))]);
  const listed = /\/subjects\/([^/]+)\/versions$/.exec(path)?.[1];
  if (listed) {
    const versions = schemas.filter(({ subject }) => subject === decodeURIComponent(listed)).map((s) => s.version);
    if (versions.length > 0) return registryJson(200, versions);
    return registryJson(404, { error_code: 40401, message: `Subject '${listed}' not found.` });
  }
  const [, name, version] = /\/subjects\/([^/]+)\/versions\/(\w+)$/.exec(path) ?? [];
  if (!name) return registryJson(404, { error_code: 404, message: "HTTP 404 Not Found" });
  const ofSubject = schemas.filter((s) => s.subject === decodeURIComponent(name));
  if (ofSubject.length === 0) return registryJson(404, { error_code: 40401, message: `Subject '${name}' not found.` });
  const found = version === "latest" ? ofSubject.at(-1) : ofSubject.find((s) => s.version === Number(version));
  if (!found) return registryJson(404, { error_code: 40402, message: `Version ${version} not found.` });
  return registryJson(200, withoutDefaults({ ...found }));
}

/** `GET /subjects/{s}/metadata?key=..&value=..`: the latest version that has these properties. */
function withMetadata(schemas: readonly RegisteredSchema[], path: string, query: URLSearchParams): Response | null {
  const [, name] = /\/subjects\/([^/]+)\/metadata$/.exec(path) ?? [];
  if (!name) return null;
  const keys = query.getAll("key"), values = query.getAll("value");
  const found = schemas.findLast(({ subject, metadata }) =>
    subject === decodeURIComponent(name) && keys.every((key, i) => metadata?.properties?.[key] === values[i])
  );
  if (!found) return registryJson(404, { error_code: 40402, message: "Version not found." });
  return registryJson(200, withoutDefaults({ ...found }));
}

/** `POST /subjects/{s}/versions` registers, `POST /subjects/{s}` looks up; the same text has the same id everywhere. */
function registration(schemas: RegisteredSchema[], path: string, body: Partial<RegisteredSchema>): Response {
  const [, name, registers] = /\/subjects\/([^/]+)(\/versions)?$/.exec(path) ?? [];
  if (!name) return registryJson(404, { error_code: 404, message: "HTTP 404 Not Found" });
  const subject = decodeURIComponent(name);
  const { schema = "", schemaType = "AVRO", references = [], ruleSet, metadata } = body;
  // The contract is part of what has an id: `POST /subjects/{s}` looks up by the text alone.
  const contract = (s: Partial<RegisteredSchema>) => JSON.stringify([s.ruleSet ?? null, s.metadata ?? null]);
  const isSame = (s: RegisteredSchema) => s.schema === schema && (!registers || contract(s) === contract(body));
  const same = schemas.find(isSame);
  const held = schemas.find((s) => isSame(s) && s.subject === subject);
  if (held) return registryJson(200, held);
  if (!registers) return registryJson(404, { error_code: 40403, message: "Schema not found" });
  const { id, guid } = same ?? { id: schemas.length + 1, guid: crypto.randomUUID() };
  const version = schemas.filter((s) => s.subject === subject).length + 1;
  const data = { ...(ruleSet ? { ruleSet } : {}), ...(metadata ? { metadata } : {}) };
  const registered = { id, guid, schemaType, schema, references, subject, version, ...data };
  schemas.push(registered);
  return registryJson(200, registered);
}

function schemaAnswer(found: RegisteredSchema | undefined, what: string): Response {
  if (!found) return registryJson(404, { error_code: 40403, message: `${what} not found` });
  return registryJson(200, withoutDefaults({ ...found, id: undefined, subject: undefined, version: undefined }));
}

/** The registry leaves out what is usual: the type AVRO and an empty list of references. */
function withoutDefaults(schema: Partial<RegisteredSchema>): unknown {
  const { schemaType, references, ...rest } = schema;
  return {
    ...rest,
    ...(schemaType === "AVRO" ? {} : { schemaType }),
    ...(references?.length ? { references } : {}),
  };
}
