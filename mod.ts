/**
 * Sluice: a sink framework for Kafka on Deno. This module is what authors of connectors, converters and transforms
 * import; running them is the command line's (`deno task start`).
 *
 * A connector in one piece: it counts rows and logs their sum when a round ends. A connector
 * declares its options, checks its target, and makes tasks. A task is given partitions (`open`), takes batches (`put`),
 * says what it has made durable (`preCommit`), and lets partitions go (`close`).
 *
 * ```ts
 * import { option, partitionKey, type Share, type SinkBatch, type SinkConnector, type SinkTask } from "@sluice/sluice";
 *
 * // One source for parsing, checks and documentation. Keys are dotted lower case, with the unit.
 * const options = {
 *   "greeting": option.string({ doc: "What a line begins with.", default: "rows" }),
 * } as const;
 *
 * class CountTask implements SinkTask<null> {
 *   // What was put since the last round: the half-open range of offsets of each partition, and the rows in it.
 *   #ranges = new Map<string, Share<null>["ranges"][number]>();
 *   #rows = 0;
 *   constructor(private readonly say: (rows: number) => void, private readonly uuid: () => string) {}
 *
 *   async open(): Promise<void> {}
 *
 *   // Batches of a partition chain: the next one begins where the last one ended. Work on columns where you can
 *   // (`batch.data` is an Arrow record batch); `batch.records()` makes an object a record, which is slow.
 *   async put(batch: SinkBatch): Promise<void> {
 *     const { topic, topicId, partition, from, to } = batch;
 *     const before = this.#ranges.get(partitionKey(batch));
 *     this.#ranges.set(partitionKey(batch), { topic, topicId, partition, from: before?.from ?? from, to, fromAbsent: false });
 *     this.#rows += batch.numRows;
 *   }
 *
 *   // Phase one: all of it is durable now. Nothing put: no share.
 *   async preCommit(): Promise<readonly Share<null>[]> {
 *     if (this.#ranges.size === 0) return [];
 *     this.say(this.#rows);
 *     const stats = { rows: this.#rows, files: 0, bytes: 0, timestampMsMax: null };
 *     const ranges = [...this.#ranges.values()];
 *     this.#ranges.clear();
 *     this.#rows = 0;
 *     return [{ id: this.uuid(), table: "counts", ranges, staged: null, stats }];
 *   }
 *
 *   // Nothing that was put shares a file with rows of other partitions: none of them is read again.
 *   async close(partitions: readonly { topic: string; partition: number }[]): Promise<[]> {
 *     for (const partition of partitions) this.#ranges.delete(partitionKey(partition));
 *     return [];
 *   }
 *
 *   async stop(): Promise<void> {}
 * }
 *
 * const countSink: SinkConnector<typeof options, null> = {
 *   name: "count-sink",
 *   version: "1.0.0",
 *   options,
 *   // Reach the target once, before the start; throw ConfigError or FatalError that names the fix.
 *   async check() {},
 *   async createTask({ values }, { log, uuid }) {
 *     return new CountTask((rows) => log.info(values.greeting, { rows }), uuid);
 *   },
 *   // Without createCommitter the progress is Kafka's group offsets: at least once. With one, offsets live beside the
 *   // data: exactly once.
 * };
 * console.assert(countSink.name === "count-sink"); // in a file of its own: `export const countSink`
 * ```
 *
 * What fails says what is to be done about it, by its class: {@linkcode RetriableError} (try again),
 * {@linkcode DataError} (set this record aside; `context.reject` does it for a row), {@linkcode FatalError} (stop).
 * Anything else is a bug, and stops too.
 *
 * `connectors/file-sink` is a whole connector in some 100 lines, `tests/conformance/connector.ts` the tests that every
 * connector passes, `connectors/README.md` the rules that a reviewer ticks. Formats are {@linkcode ConverterPlugin}s,
 * changes of records {@linkcode TransformPlugin}s.
 *
 * @module
 */
export * from "./runtime/api/mod.ts";
