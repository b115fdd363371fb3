/**
 * Who guards the guards: with a part of the protocol left out, the same crash points and seeds must find something. A
 * mutation that survives means that the suites do not look where it matters.
 *
 * @module
 */
import { assert } from "@std/assert";
import { playReference, type Strike } from "../crash/reference.ts";
import type { Mutations } from "./connector_process.ts";
import { runScenario } from "./scenario.ts";

/** Crash points between two that are tried. */
const STRIDE = 2;
const SEEDS = 120;

interface Mutation {
  readonly name: string;
  readonly mutations: Mutations;
  /** Where it must show: at crash points of this fate, or in random runs. */
  readonly where: Strike["fate"] | "seeds";
  /** What the verifier says. */
  readonly says: RegExp;
}

const MUTATIONS: readonly Mutation[] = [
  {
    name: "a commit does not compare offsets",
    mutations: { committer: { skipStaleCheck: true } },
    where: "pause-before",
    says: /again: a version before it has it/,
  },
  {
    name: "a commit does not compare offsets (random runs)",
    mutations: { committer: { skipStaleCheck: true } },
    where: "seeds",
    says: /again: a version before it has it|moves \S+ back/,
  },
  {
    name: "a lost reply is not recognized by its txnId",
    mutations: { committer: { skipTxnIdCheck: true } },
    where: "lose-reply",
    says: /was deleted|again: a version before it has it/,
  },
  {
    name: "offsets are left out of the commit",
    mutations: { committer: { omitOffsets: true } },
    where: "crash-after",
    says: /moves no offset of it/,
  },
  {
    name: "a round does not wait for dead letters",
    mutations: { skipLetterAcks: true },
    where: "fail",
    says: /dead letter/,
  },
  {
    name: "a task deletes its staged files when it ends or closes their topic",
    mutations: { deleteStaged: true },
    where: "seeds",
    says: /was deleted/,
  },
  {
    name: "a partition that was dropped together with another is not read again",
    mutations: { forgetTied: true },
    where: "seeds",
    says: /Cannot put rows of .*: expected offset|without its row/,
  },
  {
    name: "the files of a share whose commit failed are deleted, although its version may exist",
    mutations: { deleteFailed: true },
    where: "seeds",
    says: /was deleted/,
  },
];

for (const { name, mutations, where, says } of MUTATIONS) {
  Deno.test(`the suites notice when ${name}`, async () => {
    for await (const problems of where === "seeds" ? seeds(mutations) : strikes(where, mutations)) {
      if (problems.some((problem) => says.test(problem))) return;
    }
    assert(false, `nothing like ${says} was found`);
  });
}

async function* strikes(fate: Strike["fate"], mutations: Mutations): AsyncGenerator<readonly string[]> {
  const { operations } = await playReference({ at: 0, fate: "fail", tasks: 1 });
  for (let at = 1; at <= operations.length; at += STRIDE) {
    yield (await playReference({ at, fate, tasks: 1 + at % 3, mutations })).problems;
  }
}

async function* seeds(mutations: Mutations): AsyncGenerator<readonly string[]> {
  for (let seed = 1; seed <= SEEDS; seed++) yield (await runScenario(seed, mutations)).problems;
}
