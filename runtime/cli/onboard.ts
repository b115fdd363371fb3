/**
 * `onboard`: from a subject of the registry to a configuration that says why it is as it is, and to rows.
 *
 * @module
 */
import { ConfigError } from "../api/mod.ts";
import type { CliContext } from "./command_line.ts";
import { exists } from "./exists.ts";
import { addressesOf, withoutCredentials } from "./onboard/addresses.ts";
import { Onboarding } from "./onboard/onboarding.ts";
import { asker } from "./onboard/questions.ts";

/** The flags of `onboard`. */
export interface OnboardFlags {
  readonly registry?: string;
  readonly bootstrap?: string;
  readonly subject?: string;
  readonly topic?: string;
  readonly all: boolean;
  readonly table?: string;
  readonly out: string;
  readonly force: boolean;
  readonly name?: string;
  readonly sample: string;
  readonly set: readonly string[];
  readonly start: boolean;
  readonly untilCaughtUp: boolean;
  readonly maxDuration?: string;
}

const FILE = "./sluice.yaml";

/** Returns the exit code. */
export async function onboard(given: OnboardFlags, context: CliContext): Promise<number> {
  await checkFlags(given);
  const ask = asker();
  const addresses = addressesOf({
    ...given,
    environment: Deno.env.toObject(),
    file: await exists(FILE) ? await Deno.readTextFile(FILE) : null,
    ask,
  });
  const { worker, sets } = withoutCredentials(addresses, given.set);
  const flags = { ...given, set: sets };
  if (flags.table === undefined && ask === null) {
    throw new ConfigError([{ key: "--table", why: "is missing: where the table is to be, e.g. ./lake/${topic}" }]);
  }
  const onboarding = await Onboarding.begin(flags, worker, context);
  const topics = await onboarding.readSubjects(ask);
  const table = flags.table ?? ask!("Where is the table to be?", onboarding.tableDefault(topics));
  if (topics.length > 1 && !table.includes("${topic}")) {
    throw new ConfigError([{
      key: "--table",
      value: table,
      why: "must have ${topic} in it: there are several topics",
    }]);
  }
  const draft = await onboarding.propose(topics, table, ask);
  await onboarding.write(draft);
  const answer = flags.start ? "yes" : ask?.("Start now?", "no") ?? "no";
  if (!/^y/i.test(answer)) {
    onboarding.printNext();
    return 0;
  }
  return await (await import("./start.ts")).start({
    connector: "delta-sink",
    config: flags.out,
    set: flags.set,
    name: draft.name,
    untilCaughtUp: flags.untilCaughtUp,
    maxDuration: flags.maxDuration,
    profile: false,
    keep: false,
  }, context);
}

async function checkFlags(
  { subject, topic, all, out, force, name, start, untilCaughtUp }: OnboardFlags,
): Promise<void> {
  if (all && (subject !== undefined || topic !== undefined)) {
    throw new ConfigError([{ key: "--all", why: "is instead of --subject and --topic" }]);
  }
  if (untilCaughtUp && !start) throw new ConfigError([{ key: "--until-caught-up", why: "needs --start" }]);
  if (name !== undefined && !/^[A-Za-z0-9_-]+$/.test(name)) {
    throw new ConfigError([{ key: "--name", value: name, why: "must be letters, digits, _ and -" }]);
  }
  if (!force && await exists(out)) {
    throw new ConfigError([{ key: "--out", value: out, why: "is there already: name another file, or give --force" }]);
  }
}
