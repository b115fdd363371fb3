/**
 * The worker's threads and memory, divided over the tasks of all its instances.
 *
 * @module
 */
import type { ConfigProblem } from "../api/errors.ts";
import { MiB } from "../api/config_def.ts";
import { TASK_MEMORY_BYTES_MIN } from "./instance_options.ts";

/** What one instance gets. */
export interface InstanceBudget {
  /** The most tasks that it may have. */
  readonly tasksMax: number;
  /** What each of them may hold. */
  readonly taskMemoryBytes: number;
}

interface Wants {
  readonly name: string;
  readonly values: { readonly "tasks.max": number; readonly "memory.bytes": number };
}

interface Limits {
  readonly "worker.threads": number;
  readonly "worker.memory.bytes": number;
}

/**
 * Threads are dealt one by one to the instances that want more, one each first. Memory goes by `memory.bytes`: all tasks
 * get the same part of theirs, and never more than that.
 */
export function divideBudgets(worker: Limits, instances: readonly Wants[]): Map<string, InstanceBudget> {
  const tasks = dealThreads(worker["worker.threads"], instances);
  const wanted = instances.reduce((sum, { values }, i) => sum + values["memory.bytes"] * tasks[i], 0);
  const total = worker["worker.memory.bytes"];
  const part = total === 0 ? 1 : Math.min(1, total / wanted);
  return new Map(instances.map(({ name, values }, i) => [
    name,
    { tasksMax: tasks[i], taskMemoryBytes: Math.floor(values["memory.bytes"] * part) },
  ]));
}

/** Adds a problem where the limits cannot serve all instances. */
export function checkBudgets(worker: Limits, instances: readonly Wants[], problems: ConfigProblem[]): void {
  const { "worker.threads": threads, "worker.memory.bytes": memory } = worker;
  if (threads > 0 && threads < instances.length) {
    const why =
      `is less than one for each of ${instances.length} instances: raise it to at least ${instances.length}, ` +
      "or run fewer instances in this process";
    return void problems.push({ key: "worker.threads", value: String(threads), why });
  }
  if (memory === 0) return;
  const tasks = dealThreads(threads, instances);
  const wanted = instances.reduce((sum, { values }, i) => sum + values["memory.bytes"] * tasks[i], 0);
  const least = Math.min(...instances.map(({ values }) => values["memory.bytes"]));
  const part = least * Math.min(1, memory / wanted);
  if (part >= TASK_MEMORY_BYTES_MIN || instances.length === 0) return;
  const needed = Math.ceil(wanted * TASK_MEMORY_BYTES_MIN / least / MiB);
  const why = `leaves a task ${mib(part)} where it needs ${
    mib(TASK_MEMORY_BYTES_MIN)
  }: raise it to ${needed}MiB, or lower tasks.max or worker.threads`;
  problems.push({ key: "worker.memory.bytes", value: mib(memory), why });
}

function dealThreads(threads: number, instances: readonly Wants[]): number[] {
  const wanted = instances.map(({ values }) => values["tasks.max"]);
  if (threads === 0) return wanted;
  const dealt = wanted.map(() => 0);
  for (let left = threads, before = -1; left > 0 && left !== before;) {
    before = left;
    for (let i = 0; i < wanted.length && left > 0; i++) {
      if (dealt[i] === wanted[i]) continue;
      dealt[i]++;
      left--;
    }
  }
  return dealt;
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MiB * 10) / 10}MiB`;
}
