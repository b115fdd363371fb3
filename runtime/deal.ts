/**
 * Deals partitions to the tasks of a worker.
 *
 * @module
 */
import type { TopicPartition } from "./api/mod.ts";

/**
 * Gives each partition to the task that has the fewest, the lowest task first: topics spread over all tasks, and what a
 * task has already stays with it. `load` holds the number of partitions of each task.
 */
export function dealPartitions(
  partitions: readonly TopicPartition[],
  load: readonly number[],
): Map<number, TopicPartition[]> {
  const counts = [...load];
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
