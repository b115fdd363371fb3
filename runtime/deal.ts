/**
 * Deals partitions to the tasks of a worker.
 *
 * @module
 */
import type { TopicPartition } from "./api/mod.ts";

/**
 * Gives each partition to the task that has the fewest, the lowest task first: topics spread over all tasks, and what a
 * task has already (`before`) stays with it.
 */
export function dealPartitions(
  partitions: readonly TopicPartition[],
  before: readonly { readonly task: number }[],
  taskCount: number,
): Map<number, TopicPartition[]> {
  const counts = new Array<number>(taskCount).fill(0);
  for (const { task } of before) counts[task]++;
  const dealt = new Map<number, TopicPartition[]>();
  const ordered = [...partitions].sort((a, b) =>
    a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition
  );
  for (const partition of ordered) {
    const task = counts.indexOf(Math.min(...counts));
    counts[task]++;
    dealt.set(task, [...dealt.get(task) ?? [], partition]);
  }
  return dealt;
}
