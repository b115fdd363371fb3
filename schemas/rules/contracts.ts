/**
 * What a schema's data contract asks of a reader: the version that its records are brought to, the rules on the way, and
 * those that hold there. Loaded only where a schema has rules, or records are to be of the latest version.
 *
 * @module
 */
import { type ConverterContext, DataError, FatalError } from "../../mod.ts";
import type { RegisteredFormat, SchemaSource, WriterSchema } from "../registered.ts";
import type { RegisteredConfig } from "../registered_options.ts";
import type { RegisteredSchema, SchemaRegistry } from "../registry.ts";
import { usesLatest } from "./rule_options.ts";
import { type RegisteredRule, type Rule, type RuleOwner, rulesOf } from "./rule_set.ts";
import { createPayloadRules, type PayloadRules } from "./rules.ts";

/** How the records of a schema are decoded. */
export interface Prepared {
  /** What the payloads are of, after the rules. */
  readonly writer: WriterSchema;
  /** Whose columns the rows have; null: the writer's. The same object for the same schema. */
  readonly reader: WriterSchema | null;
  readonly rules: PayloadRules | null;
}

/** The version that records are brought to. */
interface Target {
  readonly registered: RegisteredSchema;
  readonly schema: WriterSchema;
}

/** Contracts of the schemas of one topic and side. */
export class Contracts {
  /** By id and message: decoders know columns by the object. */
  readonly #targets = new Map<string, WriterSchema>();

  constructor(
    private readonly format: RegisteredFormat,
    private readonly registry: SchemaRegistry,
    private readonly config: RegisteredConfig,
    private readonly context: ConverterContext,
  ) {}

  /** Throws DataError where the registry lacks a version, FatalError where rules cannot be run. */
  async prepare(registered: RegisteredSchema, writer: WriterSchema): Promise<Prepared> {
    const { config, format } = this;
    const target = usesLatest(config) ? await this.#target(writer) : null;
    const reader = target?.schema ?? null;
    if (!config["rules.enabled"]) return { writer, reader, rules: null };
    const migrations = target ? await this.#migrations({ registered, source: writer.source }, target) : [];
    const owner = ownerOf(target?.registered ?? registered, reader?.source ?? writer.source);
    const domain = rulesOf(owner, "READ", this.#ignore);
    if (migrations.length === 0 && domain.length === 0) return { writer, reader, rules: null };
    if (!format.loadMessages) throw new Error(`The format of ${format.schemaType} schemas has no messages for rules`);
    const open = await format.loadMessages();
    const writerType = open(writer);
    const isOther = target !== null && target.registered.id !== registered.id;
    const rules = await createPayloadRules({
      owner,
      source: writer.source,
      writer: writerType,
      target: isOther ? open(target.schema) : writerType,
      migrations,
      domain,
      log: this.context.log,
    });
    return { writer: isOther ? target.schema : writer, reader, rules };
  }

  /** What becomes of a rule that cannot be run here: null: the topic stops. */
  get #ignore(): ((rule: RegisteredRule, what: string) => void) | null {
    if (this.config["rules.unknown"] !== "ignore") return null;
    return ({ name, type }, schema) =>
      this.context.log.warn("a rule is ignored, by rules.unknown", { rule: name, type, schema });
  }

  async #target(writer: WriterSchema): Promise<Target> {
    const { registry, format, config } = this;
    const { subject, schemaId } = writer.source;
    if (subject === undefined || writer.source.version === undefined) {
      throw new FatalError(
        `Cannot bring records of schema ${schemaId} to the latest version: the registry does not tell under which ` +
          "subject and version it is registered, or names several; set value.subject.name.strategy (or key. ...) to the " +
          "producer's, or use.latest.version: false",
      );
    }
    const pairs = config["use.latest.with.metadata"].map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)] as const;
    });
    const registered = pairs.length > 0
      ? await registry.schemaWithMetadata(subject, Object.fromEntries(pairs))
      : await registry.schemaByVersion(subject, "latest");
    if (registered.schemaType !== format.schemaType) {
      const why = `it is of type ${registered.schemaType}, expected ${format.schemaType}`;
      throw new DataError(`Cannot bring records to version ${registered.version} of ${subject}: ${why}`, {
        reason: format.mismatch,
      });
    }
    const messageName = format.messageName?.(writer);
    const key = `${registered.id} ${messageName}`;
    let schema = this.#targets.get(key);
    if (!schema) {
      const { id, version } = registered;
      schema = {
        text: registered.schema,
        references: await registry.resolveReferences(registered),
        messageIndexes: writer.messageIndexes,
        ...(messageName === undefined ? {} : { messageName }),
        source: { ...(id === null ? {} : { schemaId: id }), subject, version },
      };
      this.#targets.set(key, schema);
    }
    return { registered, schema };
  }

  /** Upwards each version says how its predecessor's records become its own, downwards the other way round. */
  async #migrations(
    writer: { readonly registered: RegisteredSchema; readonly source: SchemaSource },
    target: Target,
  ): Promise<Rule[]> {
    const subject = writer.source.subject!;
    const from = writer.source.version!, to = target.registered.version ?? from;
    const isUp = from < to;
    const rules: Rule[] = [];
    for (let at = isUp ? from + 1 : from; isUp ? at <= to : at > to; at += isUp ? 1 : -1) {
      const schema = at === from
        ? writer.registered
        : at === to
        ? target.registered
        : await this.registry.schemaByVersion(subject, at, { deleted: true });
      const owner = ownerOf(schema, { subject, version: at });
      rules.push(...rulesOf(owner, isUp ? "UPGRADE" : "DOWNGRADE", this.#ignore));
    }
    return rules;
  }
}

function ownerOf({ id, guid, ruleSet, metadata }: RegisteredSchema, { subject, version }: SchemaSource): RuleOwner {
  const place = subject === undefined ? "" : ` (${subject}${version === undefined ? "" : `@${version}`})`;
  return { what: `schema ${id ?? guid}${place}`, ruleSet, metadata };
}
