/**
 * Which topic a letter's record is of, as far as that is known.
 *
 * @module
 */
import type { Instance } from "../config/resolve_instance.ts";
import type { Letter } from "./letter.ts";

/** The topic whose settings hold for a letter; null: not to be known. */
export function topicOf({ origin }: Pick<Letter, "origin">, instance: Pick<Instance, "topics">): string | null {
  return origin ? origin.topic : onlyTopic(instance);
}

/** The topic that letters are of that do not say where they came from: the connector's, where it reads one alone. */
export function onlyTopic({ topics }: Pick<Instance, "topics">): string | null {
  return !(topics instanceof RegExp) && topics.length === 1 ? topics[0] : null;
}
