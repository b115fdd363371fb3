/**
 * The options about data contracts, for every format whose schemas are registered.
 *
 * @module
 */
import { ConfigError, type Option, option, type Values } from "../../mod.ts";

const group = "schema registry";

/** Confluent's keys where it has one. */
export const ruleOptions: {
  readonly "rules.enabled": Option<boolean>;
  readonly "rules.unknown": Option<"fail" | "ignore">;
  readonly "use.latest.version": Option<boolean>;
  readonly "use.latest.with.metadata": Option<readonly string[]>;
  readonly "latest.cache.ttl.sec": Option<number>;
} = {
  "rules.enabled": option.boolean({
    doc:
      "Run the rules of the schemas' data contracts that are for readers (READ, WRITEREAD, UPGRADE, DOWNGRADE, UPDOWN).",
    default: true,
    group,
  }),
  "rules.unknown": option.oneOf(["fail", "ignore"], {
    doc:
      "A rule for readers of a type that cannot be run here (ENCRYPT, ...): stop the topic, or read records without it.",
    default: "fail",
    importance: "low",
    group,
  }),
  "use.latest.version": option.boolean({
    doc:
      "Bring every record to the latest version of its subject: by the migration rules on the way, else by resolution.",
    default: false,
    group,
  }),
  "use.latest.with.metadata": option.list({
    doc: "... to the latest version whose metadata has these properties: `key=value`, separated by commas.",
    default: [],
    importance: "low",
    group,
    check: (pairs) => {
      const bad = pairs.find((pair) => !/^[^=]+=/.test(pair));
      return bad === undefined ? null : `has ${JSON.stringify(bad)}; expected key=value`;
    },
  }),
  "latest.cache.ttl.sec": option.int({
    doc: "How long the latest version is not asked for again, seconds; -1: as long as the task runs.",
    default: -1,
    min: -1,
    importance: "low",
    group,
  }),
};

/** The parsed values of `ruleOptions`. */
export type RuleConfig = Values<typeof ruleOptions>;

/** Whether records are brought to another version of their schema. */
export function usesLatest(config: RuleConfig): boolean {
  return config["use.latest.version"] || config["use.latest.with.metadata"].length > 0;
}

/** A schema that is configured and one that is looked up cannot both be the rows'. */
export function refuseReaderSchema(config: RuleConfig, key: string, given: string | null): void {
  if (given === null || !usesLatest(config)) return;
  const why =
    "excludes use.latest.version and use.latest.with.metadata: the columns are those of one schema; remove one";
  throw new ConfigError([{ key, value: given, why }]);
}
