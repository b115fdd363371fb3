/**
 * `schemas register`: the one command that adds to a registry, and only what the registry and the tables agree with.
 *
 * @module
 */
import { ConfigError, FatalError, type SchemaDocument } from "../../api/mod.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { CliContext } from "../command_line.ts";
import { exists } from "../exists.ts";
import { registryConfig } from "../table.ts";
import { readCandidate } from "./candidate.ts";
import { checkAll, type CheckFlags } from "./check.ts";
import type { SubjectCheck } from "./check_topic.ts";
import { checkText, isGreen } from "./render.ts";

/** The flags. */
export interface RegisterFlags extends CheckFlags {
  readonly subject: string;
  readonly registry?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
}

const DEFAULT_CONFIG = "sluice.yaml";

/** Prints what both sides say, then id and version; returns the exit code. */
export async function register(file: string, flags: RegisterFlags, context: CliContext): Promise<number> {
  const { subject, config, json } = flags;
  const tools = await context.tables();
  const registry = await registryConfig(tools.registryOptions, flags.registry, config ?? DEFAULT_CONFIG);
  const log = createLog({ level: "error", format: "text" });
  const subjects = tools.createSubjects(registry, { fetch, clock: systemClock, random: Math.random, log });
  const candidate = await readCandidate(file, subject, flags, subjects);
  const said = await subjects.compatibilityOf(candidate);
  const checks = config !== undefined || await exists(DEFAULT_CONFIG) ? await tablesSay(flags, candidate, context) : [];
  const isRed = !said.isCompatible || !checks.every(isGreen);
  const say = (text: string) => json ? undefined : console.log(text);
  say(registryText(subject, said));
  for (const each of checks) say(checkText(each));
  const outcome = async () => {
    if (isRed && !flags.force) {
      if (!json) console.error("Not registered: see above; --force registers it all the same");
      return null;
    }
    if (!isWanted(flags, subject)) return null;
    return await subjects.register(candidate);
  };
  const made = await outcome();
  if (json) console.log(JSON.stringify({ registry: said, tables: checks, registered: made }));
  else if (made) say(`Registered: ${subject} version ${made.version ?? "?"}, id ${made.id}`);
  return made ? 0 : 1;
}

/** What the tables of the connectors that read the subject say; [] where none reads it. */
async function tablesSay(
  flags: RegisterFlags,
  candidate: SchemaDocument,
  context: CliContext,
): Promise<SubjectCheck[]> {
  try {
    return await checkAll(flags, context, () => Promise.resolve(candidate));
  } catch (error) {
    const isOther = error instanceof ConfigError &&
      error.problems.every(({ key }) => key === "--subject" || key === "schema.registry.url");
    if (!isOther) throw error;
    return [];
  }
}

function registryText(
  subject: string,
  { isCompatible, level, messages, isFirst }: {
    isCompatible: boolean;
    level: string | null;
    messages: readonly string[];
    isFirst: boolean;
  },
): string {
  const by = level === null ? "" : ` (compatibility: ${level})`;
  if (isFirst) return `registry: the first version of ${subject}${by}`;
  const verdict = isCompatible ? "takes it" : "RED: does not take it";
  return [`registry: ${subject} ${verdict}${by}`, ...messages.map((message) => `  ! ${message}`)].join("\n");
}

function isWanted({ yes }: RegisterFlags, subject: string): boolean {
  if (yes) return true;
  if (!Deno.stdin.isTerminal()) {
    throw new FatalError(`Cannot ask whether to register a version of ${subject}: there is no terminal; give --yes`);
  }
  return /^y(es)?$/i.test(prompt(`Register it as a version of ${subject}? [y/N]`)?.trim() ?? "");
}
