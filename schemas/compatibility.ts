/**
 * Subjects and their versions, for commands: what is there, what the registry says of a schema that is not, registering it.
 *
 * @module
 */
import { FatalError, type SchemaDocument } from "../mod.ts";
import {
  createRegistry,
  type RegisteredSchema,
  type RegistryConfig,
  type RegistryContext,
  type SchemaRegistry,
} from "./registry.ts";
import { createHttp, type RegistryHttp } from "./registry_http.ts";
import { post } from "./registry_post.ts";
import { type RuleSet, rulesOf } from "./rules/rule_set.ts";

/** What the registry says of a schema that it does not hold. */
export interface Compatibility {
  readonly isCompatible: boolean;
  /** `BACKWARD`, ...; null: the registry does not tell. */
  readonly level: string | null;
  readonly messages: readonly string[];
  /** Whether the subject has no version yet. */
  readonly isFirst: boolean;
}

/** A rule that a reader runs on records of a schema. */
export interface ReadRule {
  readonly name: string;
  readonly type: string;
  readonly expression: string;
  /** Whether it can set records aside. */
  readonly rejects: boolean;
  /** Whether no reader here can run it: unless `rules.unknown` is `ignore`, it stops the topic. */
  readonly isUnknown: boolean;
}

/** The subjects of a registry. */
export class Subjects {
  readonly #http: RegistryHttp;
  readonly #registry: SchemaRegistry;

  constructor(private readonly config: RegistryConfig, private readonly context: RegistryContext) {
    this.#http = createHttp(config, context);
    this.#registry = createRegistry(config, context);
  }

  /** Ascending. */
  async names(): Promise<readonly string[]> {
    const answer = await this.#http.get("the subjects", "/subjects");
    return answer.kind === "found" && Array.isArray(answer.body) ? answer.body.map(String).sort() : [];
  }

  /** Ascending; none: the registry does not know the subject. */
  async versionsOf(subject: string): Promise<readonly number[]> {
    const answer = await this.#http.get(
      `the versions of ${subject}`,
      `/subjects/${encodeURIComponent(subject)}/versions`,
    );
    return answer.kind === "found" && Array.isArray(answer.body) ? answer.body.map(Number).sort((a, b) => a - b) : [];
  }

  /** Throws DataError where there is none. */
  async version(subject: string, version: number | "latest"): Promise<SchemaDocument> {
    const found = await this.#registry.schemaByVersion(subject, version);
    return { ...found, subject, version: found.version ?? (version === "latest" ? null : version) };
  }

  /** The rules of its data contract that are for readers. */
  rulesOf({ subject, version, ruleSet, metadata }: SchemaDocument): readonly ReadRule[] {
    const unknown: ReadRule[] = [];
    const owner = {
      what: `${subject}@${version}`,
      ruleSet: ruleSet as RuleSet | undefined,
      metadata: metadata as RegisteredSchema["metadata"],
    };
    const known = rulesOf(owner, "READ", ({ name, type, expr }) => {
      unknown.push({ name, type: String(type), expression: expr ?? "", rejects: false, isUnknown: true });
    });
    return [
      ...known.map(({ name, type, expression, onFailure }) => (
        { name, type, expression, rejects: onFailure !== "NONE", isUnknown: false }
      )),
      ...unknown,
    ];
  }

  /** Asks the registry whether its own rules let the subject have this version. Throws FatalError for what is no schema. */
  async compatibilityOf(candidate: SchemaDocument): Promise<Compatibility> {
    const versions = `/subjects/${encodeURIComponent(candidate.subject)}/versions`;
    const level = await this.#levelOf(candidate.subject);
    const isFirst = (await this.versionsOf(candidate.subject)).length === 0;
    if (isFirst) return { isCompatible: true, level, messages: [], isFirst };
    const { status, body, message } = await post(
      this.config,
      this.context,
      `/compatibility${versions}?verbose=true`,
      bodyOf(candidate),
    );
    if (status === 422) return { isCompatible: false, level, messages: [message], isFirst };
    if (status !== 200 || typeof body.is_compatible !== "boolean") {
      throw new FatalError(
        `Cannot ask the registry whether ${candidate.subject} may have this version: HTTP ${status} ${message}`,
      );
    }
    const messages = Array.isArray(body.messages) ? body.messages.map(String) : [];
    return { isCompatible: body.is_compatible, level, messages, isFirst };
  }

  /** Registers a version; the same schema again is the version that it is already. Throws FatalError on a refusal. */
  async register(candidate: SchemaDocument): Promise<{ readonly id: number; readonly version: number | null }> {
    const subject = `/subjects/${encodeURIComponent(candidate.subject)}`;
    const body = bodyOf(candidate);
    const made = await post(this.config, this.context, `${subject}/versions`, body);
    if (made.status !== 200 || typeof made.body.id !== "number") {
      throw new FatalError(`Cannot register a version of ${candidate.subject}: HTTP ${made.status} ${made.message}`);
    }
    const found = await post(this.config, this.context, subject, body);
    const { version } = found.body;
    return { id: made.body.id, version: typeof version === "number" ? version : null };
  }

  async #levelOf(subject: string): Promise<string | null> {
    for (const path of [`/config/${encodeURIComponent(subject)}`, "/config"]) {
      const answer = await this.#http.get("the compatibility level", path, { optional: true });
      if (answer.kind !== "found") continue;
      const { compatibilityLevel, compatibility } = answer.body as Record<string, unknown>;
      const level = compatibilityLevel ?? compatibility;
      if (typeof level === "string") return level;
    }
    return null;
  }
}

function bodyOf({ schema, schemaType, references }: SchemaDocument): unknown {
  // Registries that know Avro alone do not know the member.
  return { schema, ...(schemaType === "AVRO" ? {} : { schemaType }), ...(references.length > 0 ? { references } : {}) };
}
