/**
 * The worker's threads and memory, divided over the tasks of all its instances.
 *
 * @module
 */
import { type ConfigProblem, FatalError } from "../api/errors.ts";
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

/**
 * What an instance gets that is started beside others, which keep what they have: its part, or what is left of it. Throws
 * FatalError where that is too little to run with.
 */
export function remainingBudget(
  worker: Limits,
  instances: readonly Wants[],
  name: string,
  granted: Iterable<InstanceBudget>,
): InstanceBudget {
  const part = divideBudgets(worker, instances).get(name)!;
  const { "worker.threads": threads, "worker.memory.bytes": memory } = worker;
  const others = [...granted];
  const free = threads - others.reduce((sum, { tasksMax }) => sum + tasksMax, 0);
  const tasksMax = threads === 0 ? part.tasksMax : Math.min(part.tasksMax, free);
  if (tasksMax < 1) {
    throw new FatalError(
      `Cannot start connector "${name}": the others have all ${threads} of worker.threads. Raise it, or lower their ` +
        "tasks.max and start them again",
    );
  }
  const held = others.reduce((sum, each) => sum + each.tasksMax * each.taskMemoryBytes, 0);
  const left = Math.floor((memory - held) / tasksMax);
  const taskMemoryBytes = memory === 0 ? part.taskMemoryBytes : Math.min(part.taskMemoryBytes, left);
  if (taskMemoryBytes >= TASK_MEMORY_BYTES_MIN) return { tasksMax, taskMemoryBytes };
  throw new FatalError(
    `Cannot start connector "${name}": the others leave each of its tasks ${mib(Math.max(0, taskMemoryBytes))} of ` +
      `worker.memory.bytes, wanted at least ${mib(TASK_MEMORY_BYTES_MIN)}. Raise it, or lower their memory.bytes and ` +
      "start them again",
  );
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
