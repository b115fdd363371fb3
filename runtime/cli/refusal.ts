/**
 * Why nothing of a topic would come in, as reports made beforehand say it.
 *
 * @module
 */
import { ConfigError, FatalError, TopicsError } from "../api/mod.ts";

/** What a configuration, a converter or a sink refuses. Throws what is none of their verdicts: a bug, or trouble that passes. */
export function refusalOf(error: unknown): string {
  if (error instanceof TopicsError) return [...error.failures.values()].map(({ message }) => message).join("; ");
  if (error instanceof ConfigError) return error.problems.map(({ key, why }) => `${key}: ${why}`).join("; ");
  if (error instanceof FatalError) return error.message;
  throw error;
}
