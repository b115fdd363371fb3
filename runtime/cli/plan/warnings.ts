/**
 * What of a plan somebody should think about.
 *
 * @module
 */
import type { ConfigDef, Values } from "../../api/mod.ts";
import type { InstanceValues } from "../../config/instance_options.ts";
import { type Expected, round, size } from "./estimate.ts";
import type { TopicPreview } from "./preview_topic.ts";

const MiB = 2 ** 20;
/** Below it a reader's time goes into opening files. */
const SMALL_FILE_BYTES = 8 * MiB;
const FILES_PER_HOUR_MAX = 600;
const PARTITIONS_MAX = 1_000;
const PARTITION_ROWS_MIN = 10;

/** One sentence each. */
export function warningsOf({ preview, expected, values, connector }: {
  readonly preview: TopicPreview;
  readonly expected: Expected | null;
  readonly bytesPerRow: number | null;
  readonly values: InstanceValues;
  readonly connector: Values<ConfigDef>;
}): string[] {
  const warnings: string[] = [];
  const { target, sampled, rejects, tombstones } = preview;
  const partitions = target?.partitions.length ?? 0;
  const rows = target?.partitions.reduce((sum, each) => sum + each.rows, 0) ?? 0;
  if (expected && expected.bytesPerFile < SMALL_FILE_BYTES && expected.filesPerHour > 1) {
    const many = preview.newestPartitions > 1 ? ", fewer partitions of the table" : "";
    warnings.push(
      `files will be small (${size(expected.bytesPerFile)}, ${round(expected.filesPerHour)} an hour): a longer ` +
        `commit.interval.ms${many} or a lower tasks.max makes them larger; compact the table from time to time`,
    );
  }
  if (expected && expected.filesPerHour > FILES_PER_HOUR_MAX) {
    warnings.push(
      `${round(expected.filesPerHour)} files an hour: every one is an entry of the log and a request to read`,
    );
  }
  if (partitions > PARTITIONS_MAX || (partitions > 20 && rows / partitions < PARTITION_ROWS_MIN)) {
    warnings.push(
      `${partitions} partitions for ${rows} rows: partition.by is too fine; wanted are a few new partitions a day`,
    );
  }
  const filesOpenMax = connector["files.open.max"];
  if (typeof filesOpenMax === "number" && preview.newestPartitions > filesOpenMax) {
    warnings.push(
      `more partitions at once than files.open.max (${filesOpenMax}): files are closed early, and are small`,
    );
  }
  const bad = rejects.reduce((sum, { count }) => sum + count, 0);
  if (bad > 0 && values["errors.tolerance"] === "none") {
    warnings.push("errors.tolerance is none: the first record that is refused stops the task");
  }
  const ratio = values["errors.budget.ratio"];
  if (bad / sampled > ratio && values["errors.tolerance"] === "all") {
    warnings.push(`more is refused than errors.budget.ratio (${ratio}) allows: the topic stops`);
  }
  if (tombstones > 0) {
    warnings.push(
      `${tombstones} of the sample are tombstones, which the sink cannot delete by: tombstones is ${values.tombstones}`,
    );
  }
  return warnings;
}
