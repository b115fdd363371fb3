/**
 * A client of the Confluent Schema Registry API, read only: a sink never registers a schema. Ids and numbered versions
 * never change, so they are cached for ever.
 *
 * @module
 */
import { type Clock, ConfigError, DataError, type Log, RetriableError, type Values } from "../mod.ts";
import { type Option, option, type Secret } from "../mod.ts";
import { createHttp, type Lookup, type RegistryHttp } from "./registry_http.ts";
import type { RuleSet, SchemaMetadata } from "./rules/rule_set.ts";

/** A schema as the registry holds it. */
export interface RegisteredSchema {
  /** Null where a schema was asked for by its GUID and the registry does not tell its id. */
  readonly id: number | null;
  readonly schemaType: "AVRO" | "PROTOBUF" | "JSON";
  readonly schema: string;
  readonly references: readonly SchemaReference[];
  readonly subject?: string;
  readonly version?: number;
  readonly guid?: string;
  /** The rules of its data contract. */
  readonly ruleSet?: RuleSet;
  /** Tags and properties of its data contract. */
  readonly metadata?: SchemaMetadata;
}

/** What a schema imports, by the name that its text uses. */
export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** A schema that another one imports, by the name that the importing text uses. */
export interface NamedReference {
  readonly name: string;
  readonly schema: RegisteredSchema;
}

/** A version of a subject. */
export interface SubjectVersion {
  readonly subject: string;
  readonly version: number;
}

/** Reads schemas. Every method throws RetriableError while no registry answers, FatalError where it refuses us. */
export interface SchemaRegistry {
  /**
   * The schema of an id: cached for ever, one request however many ask at once. DataError "unknown schema id" where the
   * registry does not know it (asked again a few times, since a follower may lag, then remembered for a short time).
   */
  schemaById(id: number): Promise<RegisteredSchema>;
  /** The schema of a GUID (wire format v1), by the same rules. */
  schemaByGuid(guid: string): Promise<RegisteredSchema>;
  /**
   * A version of a subject; `latest` is asked each time. DataError "unknown schema version" where there is none; `deleted`:
   * one that was deleted, but not for good, is there.
   */
  schemaByVersion(
    subject: string,
    version: number | "latest",
    options?: { readonly deleted?: boolean },
  ): Promise<RegisteredSchema>;
  /** The latest version of a subject whose metadata has all these properties; asked each time, DataError as before. */
  schemaWithMetadata(subject: string, properties: Readonly<Record<string, string>>): Promise<RegisteredSchema>;
  /** The subjects and versions under which an id is registered; [] where the registry does not tell. */
  subjectsOfId(id: number): Promise<readonly SubjectVersion[]>;
  /** All that a schema refers to, transitively and once each, dependencies first; the schema itself is not in it. */
  resolveReferences(schema: RegisteredSchema): Promise<readonly NamedReference[]>;
}

const group = "schema registry";

/** The registry's options: Confluent's client keys below `schema.registry.`. */
export const registryOptions: {
  readonly "schema.registry.url": Option<readonly string[]>;
  readonly "schema.registry.basic.auth.credentials.source": Option<"AUTO" | "URL" | "USER_INFO">;
  readonly "schema.registry.basic.auth.user.info": Option<Secret | null>;
  readonly "schema.registry.bearer.auth.token": Option<Secret | null>;
  readonly "schema.registry.http.read.timeout.ms": Option<number>;
  readonly "schema.registry.max.retries": Option<number>;
  readonly "schema.registry.retries.wait.ms": Option<number>;
  readonly "schema.registry.retries.max.wait.ms": Option<number>;
  readonly "schema.registry.missing.id.cache.ttl.ms": Option<number>;
} = {
  "schema.registry.url": option.list({
    doc: "Base URLs of the Schema Registry, tried in turn where one does not answer.",
    default: [],
    importance: "high",
    group,
    perTopic: false,
    check: (urls) => urls.map(urlProblem).find((problem) => problem !== null) ?? null,
  }),
  "schema.registry.basic.auth.credentials.source": option.oneOf(["AUTO", "URL", "USER_INFO"], {
    doc: "Where user and password come from: the URL (`user:password@`), `basic.auth.user.info`, or whichever is set.",
    default: "AUTO",
    group,
    perTopic: false,
  }),
  "schema.registry.basic.auth.user.info": option.secret({
    doc: "`user:password` for HTTP basic authentication.",
    group,
    perTopic: false,
  }),
  "schema.registry.bearer.auth.token": option.secret({
    doc: "A token for HTTP bearer authentication.",
    group,
    perTopic: false,
  }),
  "schema.registry.http.read.timeout.ms": option.durationMs({
    doc: "How long one request may take, answer included.",
    default: 10_000,
    min: 1,
    importance: "low",
    group,
    perTopic: false,
  }),
  "schema.registry.max.retries": option.int({
    doc: "How often all URLs are tried again before the failure is handed to the task's retries.",
    default: 3,
    min: 0,
    importance: "low",
    group,
    perTopic: false,
  }),
  "schema.registry.retries.wait.ms": option.durationMs({
    doc: "The most that is waited before the first retry; it doubles for each further one (full jitter).",
    default: 1_000,
    min: 0,
    importance: "low",
    group,
    perTopic: false,
  }),
  "schema.registry.retries.max.wait.ms": option.durationMs({
    doc: "The most that is ever waited before a retry.",
    default: 20_000,
    min: 0,
    importance: "low",
    group,
    perTopic: false,
  }),
  "schema.registry.missing.id.cache.ttl.ms": option.durationMs({
    doc: "How long an id that the registry does not know is not asked for again.",
    default: 30_000,
    min: 0,
    importance: "low",
    group,
    perTopic: false,
  }),
};

/** The parsed values of `registryOptions`. */
export type RegistryConfig = Values<typeof registryOptions>;

/** What the client needs of the world. */
export interface RegistryContext {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Makes a client; ConfigError where no URL is set or the ways to authenticate exclude each other. */
export function createRegistry(config: RegistryConfig, context: RegistryContext): SchemaRegistry {
  if (config["schema.registry.url"].length === 0) {
    throw new ConfigError([{
      key: "schema.registry.url",
      why: "missing: this converter reads schemas from a registry",
    }]);
  }
  return new CachedRegistry(createHttp(config, context), config, context.clock);
}

/** Attempts to find an id or version that the registry says it does not have: a follower may lag behind its leader. */
const UNKNOWN_ATTEMPTS = 3;
/** Unknown ids remembered; the oldest are forgotten first. */
const UNKNOWN_MAX = 1_000;
/** References followed below one schema. */
const REFERENCES_MAX = 10_000;

class CachedRegistry implements SchemaRegistry {
  private readonly byPath = new Map<string, Promise<RegisteredSchema>>();
  private readonly byVersion = new Map<string, Promise<RegisteredSchema>>();
  private readonly subjects = new Map<string, Promise<readonly SubjectVersion[]>>();
  private readonly unknown = new Map<string, { error: DataError; until: number }>();

  constructor(
    private readonly http: RegistryHttp,
    private readonly config: RegistryConfig,
    private readonly clock: Clock,
  ) {}

  schemaById(id: number): Promise<RegisteredSchema> {
    return this.schemaAt(`/schemas/ids/${id}`, `schema ${id}`, (body) => registered(body, { id }), { schemaId: id });
  }

  schemaByGuid(guid: string): Promise<RegisteredSchema> {
    const path = `/schemas/guids/${guid}`;
    return this.schemaAt(path, `schema ${guid}`, async (body) => {
      const ids = "id" in body ? [] : rowsOf(await this.http.get(`the ids of schema ${guid}`, `${path}/ids`, OPTIONAL));
      const id = ids.map((row) => row.id).find((each) => typeof each === "number") ?? null;
      return registered({ guid, ...body }, { id });
    }, { isNew: true });
  }

  subjectsOfId(id: number): Promise<readonly SubjectVersion[]> {
    const path = `/schemas/ids/${id}/versions`;
    return single(this.subjects, path, async () => {
      const rows = rowsOf(await this.http.get(`the subjects of schema ${id}`, path, OPTIONAL));
      return rows.flatMap(({ subject, version }) =>
        typeof subject === "string" && typeof version === "number" ? [{ subject, version }] : []
      );
    });
  }

  schemaByVersion(
    subject: string,
    version: number | "latest",
    { deleted = false }: { readonly deleted?: boolean } = {},
  ): Promise<RegisteredSchema> {
    const key = `${version} ${subject}`;
    const answer = single(this.byVersion, key, async () => {
      const what = `version ${version} of subject ${JSON.stringify(subject)}`;
      const found = await this.ask(
        what,
        `/subjects/${encodeURIComponent(subject)}/versions/${version}${deleted ? "?deleted=true" : ""}`,
      );
      if (found.kind === "found") return registered(objectOf(found.body, what), { subject });
      throw new DataError(`Cannot find ${what}: the registry does not know it (${found.message})`, {
        reason: "unknown schema version",
        subject,
      });
    });
    const forget = () => this.byVersion.delete(key);
    if (version === "latest") answer.then(forget, forget);
    return answer;
  }

  async schemaWithMetadata(subject: string, properties: Readonly<Record<string, string>>): Promise<RegisteredSchema> {
    const wanted = Object.entries(properties);
    const what = `a version of subject ${JSON.stringify(subject)} with ${
      wanted.map((pair) => pair.join("=")).join(", ")
    }`;
    const query = new URLSearchParams(wanted.flatMap(([key, value]) => [["key", key], ["value", value]]));
    const found = await this.ask(what, `/subjects/${encodeURIComponent(subject)}/metadata?${query}`);
    if (found.kind === "found") return registered(objectOf(found.body, what), { subject });
    throw new DataError(`Cannot find ${what}: the registry does not know it (${found.message})`, {
      reason: "unknown schema version",
      subject,
    });
  }

  async resolveReferences(schema: RegisteredSchema): Promise<readonly NamedReference[]> {
    const done: NamedReference[] = [];
    const seen = new Set<string>();
    const visit = async (references: readonly SchemaReference[]): Promise<void> => {
      for (const { name, subject, version } of references) {
        const key = `${version} ${subject} ${name}`;
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > REFERENCES_MAX) {
          throw new DataError(`Cannot resolve schema ${schema.id}: more than ${REFERENCES_MAX} references`, {
            reason: "too many schema references",
            ...(schema.id === null ? {} : { schemaId: schema.id }),
          });
        }
        const referred = await this.schemaByVersion(subject, version);
        await visit(referred.references);
        done.push({ name, schema: referred });
      }
    };
    await visit(schema.references);
    return done;
  }

  /** A schema that never changes: cached for ever; one that is not there is remembered for a short time. */
  private schemaAt(
    path: string,
    what: string,
    read: (body: Record<string, unknown>) => RegisteredSchema | Promise<RegisteredSchema>,
    { isNew, ...source }: { readonly schemaId?: number; readonly isNew?: boolean } = {},
  ): Promise<RegisteredSchema> {
    const known = this.unknown.get(path);
    if (known) {
      if (this.clock.monotonic() < known.until) return Promise.reject(known.error);
      this.unknown.delete(path);
    }
    return single(this.byPath, path, async () => {
      const answer = await this.ask(what, path, isNew);
      if (answer.kind === "found") return await read(objectOf(answer.body, what));
      const error = new DataError(`Cannot find ${what}: the registry does not know it (${answer.message})`, {
        reason: "unknown schema id",
        ...source,
      });
      if (this.unknown.size >= UNKNOWN_MAX) this.unknown.delete(this.unknown.keys().next().value!);
      const ttlMs = this.config["schema.registry.missing.id.cache.ttl.ms"];
      this.unknown.set(path, { error, until: this.clock.monotonic() + ttlMs });
      throw error;
    });
  }

  private async ask(what: string, path: string, isNew = false): Promise<Lookup> {
    for (let attempt = 1;; attempt++) {
      const answer = await this.http.get(what, path, { elsewhere: attempt > 1, isNew });
      if (answer.kind === "found" || attempt === UNKNOWN_ATTEMPTS) return answer;
      await this.http.backOff(attempt);
    }
  }
}

/** Runs `load` once for all who ask for a key; what fails is not kept. */
function single<K, V>(cache: Map<K, Promise<V>>, key: K, load: () => Promise<V>): Promise<V> {
  const cached = cache.get(key);
  if (cached) return cached;
  const loading = load();
  cache.set(key, loading);
  loading.catch(() => cache.delete(key));
  return loading;
}

/** Questions that not every registry answers: one that refuses them knows nothing. */
const OPTIONAL = { optional: true };

/** The objects of a list. */
function rowsOf(answer: Lookup): Record<string, unknown>[] {
  if (answer.kind !== "found" || !Array.isArray(answer.body)) return [];
  return answer.body.filter((row) => typeof row === "object" && row !== null);
}

function objectOf(body: unknown, what: string): Record<string, unknown> {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new RetriableError(`Cannot use the registry's answer for ${what}: expected a JSON object`);
}

function registered(body: Record<string, unknown>, asked: { id?: number | null; subject?: string }): RegisteredSchema {
  const { schema, schemaType = "AVRO", references, subject = asked.subject, version, guid } = body;
  const id = typeof asked.id === "number" ? asked.id : typeof body.id === "number" ? body.id : null;
  const known = schemaType === "AVRO" || schemaType === "PROTOBUF" || schemaType === "JSON";
  if (!known && typeof schemaType === "string") {
    // Registries have plug-ins for types: the record is of another one, and no attempt will change that.
    const what = `Cannot use schema ${id ?? subject ?? guid}: its type is ${JSON.stringify(schemaType)}`;
    throw new DataError(`${what}, expected AVRO, PROTOBUF or JSON`, {
      reason: "unknown schema type",
      ...(id === null ? {} : { schemaId: id }),
    });
  }
  if (typeof schema !== "string" || (id === null && typeof guid !== "string") || !known) {
    throw new RetriableError(
      `Cannot use the registry's answer for schema ${
        id ?? subject ?? guid
      }: expected an id, a schema text and a type of AVRO, ` +
        `PROTOBUF or JSON, current type is ${JSON.stringify(schemaType)}`,
    );
  }
  return {
    id,
    schemaType,
    schema,
    references: Array.isArray(references) ? references as SchemaReference[] : [],
    ...(typeof subject === "string" ? { subject } : {}),
    ...(typeof version === "number" ? { version } : {}),
    ...(typeof guid === "string" ? { guid } : {}),
    ...(isObject(body.ruleSet) ? { ruleSet: body.ruleSet } : {}),
    ...(isObject(body.metadata) ? { metadata: body.metadata } : {}),
  };
}

function isObject(value: unknown): value is Record<string, never> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function urlProblem(url: string): string | null {
  if (!URL.canParse(url)) return "is not a URL; expected e.g. http://127.0.0.1:8081";
  return /^https?:$/.test(new URL(url).protocol) ? null : "expected an http:// or https:// URL";
}
