/**
 * The Delta sink: exactly-once appends to Delta Lake tables, one table a topic. Here is what a configuration needs to know
 * of it; the rest is loaded with its first use, on the thread that uses it.
 *
 * @module
 */
import type { SinkConnector } from "../../mod.ts";
import { deltaSinkOptions, routedRows } from "./config.ts";
import type { DeltaStaged } from "./staged.ts";

/** `connector: delta-sink`. */
export const deltaSink: SinkConnector<typeof deltaSinkOptions, DeltaStaged> = {
  name: "delta-sink",
  version: "0.1.0",
  options: deltaSinkOptions,
  routedRows,
  check: async (...given) => await (await import("./check.ts")).check(...given),
  createTask: async (config, context) => new (await import("./task.ts")).DeltaSinkTask(config, context),
  previewTask: async (config, context) => new (await import("./preview.ts")).DeltaPreviewTask(config, context),
  createCommitter: async (config, context) =>
    (await import("./configured_committer.ts")).createCommitter(config, context),
};
