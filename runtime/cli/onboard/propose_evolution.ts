/**
 * Whether a new table needs `schema.evolution: add` to take what is in its topic already.
 *
 * @module
 */
import { counted } from "../plan/estimate.ts";
import type { RejectGroup } from "../plan/preview_topic.ts";

/** An option and why it has its value. */
export interface EvolutionProposal {
  readonly value: "none" | "add";
  readonly why: string;
}

/** Where nothing in the sample says otherwise. */
export const EVOLUTION_NONE: EvolutionProposal = {
  value: "none",
  why: "a record that needs another column is a dead letter; add: the table gets it",
};

const REASON = "schema change needed";

/** By what a sample under `none` came to: the first records make the table, and columns that come later have no place. */
export function proposeEvolution(
  { rejects, sampled }: { readonly rejects: readonly RejectGroup[]; readonly sampled: number },
): EvolutionProposal {
  const count = rejects.reduce((sum, each) => sum + (each.reason === REASON ? each.count : 0), 0);
  if (count === 0) return EVOLUTION_NONE;
  return {
    value: "add",
    why: `the table gets columns with the first records that have them; none: ${count} of the ${
      counted(sampled, "record")
    } sampled would be dead letters`,
  };
}
