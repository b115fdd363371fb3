/**
 * Which letters a command is about: by group, stage, reason, schema id, field, state. Where they lie and their time are chosen
 * while the queue is read (`QueueChoice`), expressions over their values after they are decoded (`where.ts`).
 *
 * @module
 */
import { groupId } from "./group.ts";
import { type Letter, type LetterState } from "./letter.ts";

/** What is absent does not matter. */
export interface LetterFilter {
  /** The full id of a group, see `resolveGroupId`. */
  readonly group?: string;
  readonly stage?: string;
  readonly reason?: string;
  readonly schemaId?: number;
  readonly fieldPath?: string;
  /** `all`: of every state. */
  readonly state?: LetterState | "all";
}

/** Whether a letter is one of them. */
export function matchesFilter(letter: Letter, state: LetterState, filter: LetterFilter): boolean {
  return (filter.state === undefined || filter.state === "all" || filter.state === state) &&
    (filter.stage === undefined || filter.stage.toUpperCase() === letter.stage.toUpperCase()) &&
    (filter.reason === undefined || filter.reason === letter.reason) &&
    (filter.schemaId === undefined || filter.schemaId === letter.schemaId) &&
    (filter.fieldPath === undefined || filter.fieldPath === letter.fieldPath) &&
    (filter.group === undefined || filter.group === groupId(letter));
}
