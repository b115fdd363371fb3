/**
 * Plans as text and as JSON.
 *
 * @module
 */
import type { Field } from "apache-arrow";
import type { TableTools } from "../table_tools.ts";
import { counted, round, size } from "./estimate.ts";
import type { InstancePlan, TopicPlan } from "./plan_instance.ts";
import type { SampleFrom } from "./sample_ranges.ts";

type Describe = TableTools["describeColumn"];

const PARTITIONS_SHOWN = 5;
const MESSAGE_MAX = 160;

/** For people. */
export function planText(
  { connector, missing, topics }: InstancePlan,
  describe: Describe,
  { records, from }: { readonly records: number; readonly from: SampleFrom },
): string {
  const which = from === "both" ? "half of them the newest, half the oldest" : `the ${from}`;
  return [
    `connector ${connector}: nothing was written; up to ${records} records of each topic were read, ${which}`,
    ...missing.map((topic) => `\ntopic ${topic}: Kafka has no such topic`),
    ...topics.map((topic) => topicLines(topic, describe).join("\n")),
  ].join("\n");
}

function topicLines(plan: TopicPlan, describe: Describe): string[] {
  const { topic, partitions, records, sampled, rate, target, refused, warnings } = plan;
  const lines = [
    "",
    `topic ${topic}: ${counted(records, "record")} in ${counted(partitions, "partition")}, ${sampled} sampled`,
  ];
  if (rate) {
    lines.push(
      `  rate        ${round(rate.messagesPerSecond)} records/s, ${size(rate.bytesPerSecond)}/s (${rate.over}), ` +
        `${round(plan.bytesPerRecord)} bytes a record`,
    );
  }
  if (refused !== null) lines.push(`  REFUSED     ${refused}`);
  if (target) lines.push(...tableLines(plan, target, describe));
  else if (refused === null) {
    lines.push(`  table       unknown: ${records === 0 ? "there are no records" : "no row passed"}`);
  }
  lines.push(...rejectLines(plan));
  lines.push(...warnings.map((warning) => `  warning     ${warning}`));
  return lines;
}

function tableLines(plan: TopicPlan, target: NonNullable<TopicPlan["target"]>, describe: Describe): string[] {
  const { diff, expected, bytesPerRow, newestPartitions } = plan;
  const lines = [`  table       ${target.table}, ${target.before ? "which exists" : "to be created"}`];
  const columns = target.partitions.length > 0 ? Object.keys(target.partitions[0].values) : [];
  const after = (target.after ?? target.before)?.fields ?? [];
  const width = after.reduce((max, { name }) => Math.max(max, name.length), 0);
  for (const field of after) lines.push(`    ${columnText(field, width, columns, describe)}`);
  const shown = target.partitions.slice(0, PARTITIONS_SHOWN).map(({ values, rows }) =>
    `    ${Object.entries(values).map(([name, value]) => `${name}=${value ?? "null"}`).join("/")}  ${rows} rows`
  );
  if (columns.length > 0) {
    lines.push(
      `  partitions  ${target.partitions.length} in the sample, ${newestPartitions} in the newest part of it, by ` +
        columns.join(", "),
      ...shown,
    );
    if (target.partitions.length > shown.length) lines.push(`    ... ${target.partitions.length - shown.length} more`);
  }
  if (diff) lines.push(...diffLines(diff));
  if (bytesPerRow !== null) {
    lines.push(`  size        ${round(bytesPerRow)} bytes a row in Parquet (the sample, encoded)`);
  }
  if (expected) {
    lines.push(
      `  files       ${round(expected.filesPerHour)} an hour of ${size(expected.bytesPerFile)}, in ` +
        `${round(expected.commitsPerHour)} commits an hour`,
    );
  }
  return lines;
}

function columnText({ name, type, nullable }: Field, width: number, by: readonly string[], describe: Describe): string {
  const isBy = by.some((column) => column.toLowerCase() === name.toLowerCase());
  return `${name.padEnd(width)}  ${describe(type, name)}${nullable ? "" : " not null"}${isBy ? "  (partition)" : ""}`;
}

function diffLines({ added, missing, changed, policy, allowed }: NonNullable<TopicPlan["diff"]>): string[] {
  if (added.length + missing.length + changed.length === 0) {
    return ["  schema      the records have the table's columns"];
  }
  const verdict = added.length === 0
    ? ""
    : allowed
    ? ": schema.evolution = add adds them"
    : `: REFUSED by schema.evolution = ${policy}, records with a value there are rejected`;
  return [
    `  schema      ${added.length} columns more than the table, ${missing.length} fewer, ${changed.length} other${verdict}`,
    ...added.map((column) => `    + ${column}`),
    ...missing.map((column) => `    - ${column} (null in new rows)`),
    ...changed.map((column) => `    ~ ${column}`),
  ];
}

function rejectLines({ rejects, sampled }: TopicPlan): string[] {
  if (sampled === 0) return [];
  const bad = rejects.reduce((sum, { count }) => sum + count, 0);
  if (bad === 0) return ["  rejects     none"];
  return [`  rejects     ${bad} of ${sampled} (${percent(bad, sampled)})`, ...groupLines(rejects, sampled)];
}

/** Reasons, each with its first example. */
export function groupLines(rejects: TopicPlan["rejects"], sampled: number): string[] {
  return rejects.flatMap(({ stage, reason, count, examples }) => [
    `    ${String(count).padStart(6)}  ${stage}: ${reason} (${percent(count, sampled)})`,
    ...examples.slice(0, 1).map(({ at, message }) => `            ${at}: ${clipped(message)}`),
    ...examples.length > 1 ? [`            also ${examples.slice(1).map(({ at }) => at).join(", ")}`] : [],
  ]);
}

function percent(part: number, of: number): string {
  return `${round((part / of) * 100)} %`;
}

function clipped(message: string): string {
  return message.length > MESSAGE_MAX ? `${message.slice(0, MESSAGE_MAX)}...` : message;
}

/** For programs: the same, in plain data. */
export function planJson(plans: readonly InstancePlan[], describe: Describe): unknown {
  const columns = (fields: readonly Field[] | undefined) =>
    fields?.map(({ name, type, nullable }) => ({ name, type: describe(type, name), nullable })) ?? null;
  return {
    connectors: plans.map(({ topics, ...instance }) => ({
      ...instance,
      topics: topics.map(({ target, fields: _, ...topic }) => ({
        ...topic,
        target: target &&
          {
            ...target,
            before: columns(target.before?.fields),
            after: columns(target.after?.fields),
            partitions: target.partitions,
          },
      })),
    })),
  };
}
