/**
 * A task's figures over its lives: each life counts from zero.
 *
 * @module
 */
import { mergeUsage } from "../storage_usage.ts";
import type { RejectCount, TaskMetrics } from "../task_meter.ts";

/** A task that has done nothing. */
export const NO_TASK_METRICS: TaskMetrics = {
  partitions: [],
  recordsRead: 0,
  recordsPut: 0,
  recordsSkipped: 0,
  bytesRead: 0,
  rejects: [],
  recordErrors: 0,
  errorsLogged: 0,
  retries: 0,
  puts: { count: 0, ms: 0, msMax: 0, rowsMax: 0 },
  stageMs: {},
  prepareMs: 0,
  bufferedBytes: { slabs: 0, files: 0 },
  letterRequests: 0,
  letterFailures: 0,
  storage: [],
};

/** The counts of both, e.g. of a task before and after its restart; where the partitions stand is what `b` says. */
export function mergeTaskMetrics(a: TaskMetrics, b: TaskMetrics): TaskMetrics {
  const stageMs: Record<string, number> = { ...a.stageMs };
  for (const [stage, ms] of Object.entries(b.stageMs)) stageMs[stage] = (stageMs[stage] ?? 0) + ms;
  return {
    partitions: b.partitions,
    recordsRead: a.recordsRead + b.recordsRead,
    recordsPut: a.recordsPut + b.recordsPut,
    recordsSkipped: a.recordsSkipped + b.recordsSkipped,
    bytesRead: a.bytesRead + b.bytesRead,
    rejects: mergeRejects([...a.rejects, ...b.rejects]),
    recordErrors: a.recordErrors + b.recordErrors,
    errorsLogged: a.errorsLogged + b.errorsLogged,
    retries: a.retries + b.retries,
    puts: { ...b.puts, count: a.puts.count + b.puts.count, ms: a.puts.ms + b.puts.ms },
    stageMs,
    prepareMs: a.prepareMs + b.prepareMs,
    bufferedBytes: b.bufferedBytes,
    letterRequests: a.letterRequests + b.letterRequests,
    letterFailures: a.letterFailures + b.letterFailures,
    storage: mergeUsage(a.storage, b.storage),
  };
}

/** Reasons are stable phrases; should some hold values after all, what exceeds this is counted under one name. */
const REASONS_MAX = 200;

function mergeRejects(all: readonly RejectCount[]): RejectCount[] {
  const merged = new Map<string, RejectCount>();
  for (const { stage, reason, count } of all) {
    const own = `${stage}\0${reason}`;
    const isNew = !merged.has(own);
    const [key, name] = isNew && merged.size >= REASONS_MAX ? [`${stage}\0other`, "other"] : [own, reason];
    merged.set(key, { stage, reason: name, count: count + (merged.get(key)?.count ?? 0) });
  }
  return [...merged.values()];
}
