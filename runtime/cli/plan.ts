/**
 * `plan`: what a configuration would make of its topics, from a sample, before anything is written.
 *
 * @module
 */
import { ConfigError } from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { readConfig } from "../config/read_config.ts";
import type { Instance } from "../config/resolve_instance.ts";
import { kafkaSettings } from "../kafka/settings.ts";
import { kafkaKeys } from "../kafka_keys.ts";
import { createLog } from "../log.ts";
import type { CliContext } from "./command_line.ts";
import { assertPreviews, type InstancePlan, isClean, planInstance } from "./plan/plan_instance.ts";
import { planJson, planText } from "./plan/render.ts";
import type { SampleFrom } from "./plan/sample_ranges.ts";

/** The flags of `plan`. */
export interface PlanFlags {
  readonly config: string;
  /** A kind, or an instance's name. */
  readonly connector?: string;
  readonly name?: string;
  readonly sample: string;
  readonly from: string;
  readonly set: readonly string[];
  readonly json: boolean;
  readonly strict: boolean;
}

const SAMPLE_MAX = 1_000_000;

/** Prints the plan; returns the exit code. */
export async function plan(flags: PlanFlags, context: CliContext): Promise<number> {
  const sample = sampleOf(flags);
  const { connector = null } = flags;
  const isKind = context.plugins.connectors.some(({ name }) => name === connector);
  const config = await readConfig({
    path: flags.config,
    sets: flags.set,
    connector: isKind ? connector : null,
    name: flags.name ?? (isKind ? null : connector),
    environment: Deno.env.toObject(),
    readTextFile: Deno.readTextFile,
  }, context.plugins);
  // A file may have a connector without previews beside others.
  const instances = config.instances.filter(({ plugin }) => plugin.previewTask);
  if (instances.length === 0) config.instances.forEach(assertPreviews);
  const { describeColumn } = await context.tables();
  const log = createLog({ level: "error", format: "text" });
  const plans: InstancePlan[] = [];
  for (const instance of instances) {
    plans.push(
      await planInstance(instance, {
        kafka: await kafkaSettings(kafkaKeys(config.worker, instance.values)),
        clock: systemClock,
        log,
        describe: describeColumn,
        sample,
        onTopic: (topic) => said(flags, instance, topic),
      }),
    );
  }
  if (flags.json) console.log(JSON.stringify(planJson(plans, describeColumn)));
  else for (const each of plans) console.log(planText(each, describeColumn, sample));
  return flags.strict && !plans.every(isClean) ? 1 : 0;
}

function said({ json }: PlanFlags, { name }: Instance, topic: string): void {
  if (!json && Deno.stderr.isTerminal()) console.error(`Reading a sample of ${topic} (${name}) ...`);
}

function sampleOf({ sample, from }: PlanFlags): { records: number; from: SampleFrom } {
  const records = /^[1-9]\d*$/.test(sample) ? Number(sample) : NaN;
  if (!(records <= SAMPLE_MAX)) {
    throw new ConfigError([{ key: "--sample", value: sample, why: `must be a number from 1 to ${SAMPLE_MAX}` }]);
  }
  if (from !== "newest" && from !== "oldest" && from !== "both") {
    throw new ConfigError([{ key: "--from", value: from, why: "must be newest, oldest or both" }]);
  }
  return { records, from };
}
