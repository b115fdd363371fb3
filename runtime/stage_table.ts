/**
 * Where a task's time went, as a table for people: `start --profile`, and the benchmark's.
 *
 * @module
 */
import type { ConnectorResult } from "./run_result.ts";

/** Stages in the order in which records meet them; others follow. */
const ORDER = ["idle", "consume", "decode", "validate", "transform", "put", "encode", "prepare", "other"];

/** What the table is made of. */
export type StageTimes = Pick<ConnectorResult, "connector" | "stageSeconds" | "prepareSeconds" | "commitSeconds">;

/**
 * A row for each task and stage: seconds, and the share of the task's time. Below them what goes on beside the tasks:
 * rounds from their request to durable files, and commits.
 */
export function stageTable(results: readonly StageTimes[]): string {
  const rows = results.flatMap(({ connector, stageSeconds, prepareSeconds, commitSeconds }) => [
    ...Object.entries(stageSeconds).flatMap(([task, seconds]) => taskRows(connector, task, seconds)),
    [connector, "beside", "prepare", prepareSeconds.toFixed(2), ""],
    [connector, "beside", "commit", commitSeconds.toFixed(2), ""],
  ]);
  return aligned([["connector", "task", "stage", "seconds", "share"], ...rows]);
}

function taskRows(connector: string, task: string, seconds: Readonly<Record<string, number>>): string[][] {
  const all = Object.values(seconds).reduce((sum, each) => sum + each, 0);
  const place = (stage: string) => ORDER.includes(stage) ? ORDER.indexOf(stage) : ORDER.length;
  return Object.entries(seconds).sort(([a], [b]) => place(a) - place(b)).map(([stage, own]) => [
    connector,
    task,
    stage,
    own.toFixed(2),
    `${all === 0 ? "0.0" : (own / all * 100).toFixed(1)} %`,
  ]);
}

/** Columns as wide as their widest cell; numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => i >= 3 ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join("  ").trimEnd()
  ).join("\n");
}
