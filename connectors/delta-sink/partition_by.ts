/**
 * The entries of `partition.by`: `route.ts` says what becomes of them.
 *
 * @module
 */
import { ConfigError } from "../../mod.ts";

/** One entry of `partition.by`. */
export interface PartitionBy {
  /** The table's column. */
  readonly column: string;
  /** The column that it is made of, or that it is. */
  readonly source: string;
  readonly derive: "date" | "hour" | null;
}

/** The Kafka timestamp, as a source. */
export const KAFKA_TIMESTAMP = "kafka.timestamp";

/** Reads `partition.by`. Throws ConfigError with every problem. */
export function parsePartitionBy(texts: readonly string[]): PartitionBy[] {
  const problems: { key: string; value: string; why: string }[] = [];
  const seen = new Set<string>();
  const parsed = texts.flatMap((text) => {
    const refuse = (why: string) => {
      problems.push({ key: "partition.by", value: text, why });
      return [];
    };
    const [, call, argument] = /^\s*(\w+)\s*\(\s*(.*?)\s*\)\s*$/.exec(text) ?? [];
    const source = call === undefined ? text.trim() : argument;
    if (call !== undefined && call !== "date" && call !== "hour") {
      return refuse(`"${call}" is not known, wanted a column, date(column) or hour(column)`);
    }
    if (source === "" || /[ ,;{}()\n\t=]/.test(source)) return refuse("wanted a column, date(column) or hour(column)");
    if (call === undefined && source === KAFKA_TIMESTAMP) {
      return refuse(`wanted date(${KAFKA_TIMESTAMP}) or hour(${KAFKA_TIMESTAMP})`);
    }
    const column = call === undefined ? source : `${source.replaceAll(".", "_")}_${call}`;
    if (seen.has(column.toLowerCase())) return refuse(`column "${column}" is there twice`);
    seen.add(column.toLowerCase());
    return [{ column, source, derive: (call ?? null) as PartitionBy["derive"] }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return parsed;
}

/** What is wrong with the entries; null: nothing that can be told without a table. */
export function partitionByProblem(texts: readonly string[]): string | null {
  try {
    parsePartitionBy(texts);
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ value, why }) => `"${value}": ${why}`).join("; ");
  }
}
