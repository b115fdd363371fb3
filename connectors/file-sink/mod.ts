/**
 * `file-sink`: JSON lines, a file for each partition: `<file.path>/<topic>-<partition>.jsonl`. The example of a
 * connector, and the simplest: no committer, so that Kafka's group offsets are the progress. At least once: after a
 * crash the last lines may be there again; each line has its offset.
 *
 * @module
 */
import {
  type ConfigDef,
  FatalError,
  offsetOf,
  type Offsets,
  option,
  partitionKey,
  type Share,
  type SinkBatch,
  type SinkConnector,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from "../../mod.ts";
import { appendLines, prepareFolder } from "./append.ts";
import { jsonLine } from "./json_lines.ts";

const fileSinkOptions = {
  "file.path": option.string({ doc: "The folder for the files; it is created if need be.", importance: "high" }),
} satisfies ConfigDef;

/** The connector of that name. */
export const fileSink: SinkConnector<typeof fileSinkOptions, null> = {
  name: "file-sink",
  version: "0.1.0",
  options: fileSinkOptions,
  check: (config, topics) =>
    Promise.all([config, ...topics.map((topic) => ({ values: config.forTopic(topic) }))]
      .map(({ values }) => prepareFolder(values["file.path"]))).then(() => {}),
  createTask: (config, context) =>
    Promise.resolve(new FileSinkTask((topic) => config.forTopic(topic)["file.path"], context)),
};

/** What was put of a partition since the last share; `lines` of it are not written yet. */
interface Open extends TopicPartition {
  readonly path: string;
  readonly absent: boolean;
  from: bigint | null;
  to: bigint | null;
  lines: string[];
  rows: number;
  bytes: number;
  timestampMsMax: number | null;
}

class FileSinkTask implements SinkTask<null> {
  readonly #open = new Map<string, Open>();
  #bufferedCharacters = 0;

  constructor(private readonly folderOf: (topic: string) => string, private readonly context: SinkTaskContext) {}

  open(partitions: readonly TopicPartition[], at: Offsets): Promise<void> {
    for (const { topic, topicId, partition } of partitions) {
      const path = `${this.folderOf(topic)}/${topic}-${partition}.jsonl`;
      const to = offsetOf(at, { topic, partition });
      this.#open.set(partitionKey({ topic, partition }), {
        ...{ topic, topicId, partition, path, to, absent: to === null },
        ...{ from: null, lines: [], rows: 0, bytes: 0, timestampMsMax: null },
      });
    }
    return Promise.resolve();
  }

  async put(batch: SinkBatch): Promise<void> {
    const open = this.#open.get(partitionKey(batch));
    const name = `${batch.topic}-${batch.partition}`;
    if (!open) throw new FatalError(`Cannot put rows of ${name}: the partition is not open`);
    if (open.to !== null && open.to !== batch.from) {
      throw new FatalError(`Cannot put rows of ${name}: expected offset ${open.to}, current value is ${batch.from}`);
    }
    open.from ??= batch.from;
    open.to = batch.to;
    open.rows += batch.numRows;
    for (let row = 0; row < batch.numRows; row++) {
      const line = jsonLine(batch, row);
      open.lines.push(line);
      this.#bufferedCharacters += line.length;
      open.timestampMsMax = Math.max(open.timestampMsMax ?? -1, batch.timestampMs(row));
    }
    // A character is at most two bytes in memory. Lines that are written early are only repeated earlier.
    if (this.#bufferedCharacters * 2 > this.context.memoryBytes) {
      for (const each of this.#open.values()) await this.#write(each);
    }
  }

  async preCommit(): Promise<readonly Share<null>[]> {
    const shares: Share<null>[] = [];
    for (const [key, open] of this.#open) {
      const { topic, topicId, partition, path, from, to, rows, absent, timestampMsMax } = open;
      if (from === null || to === null || from === to) continue;
      await this.#write(open);
      const range = { topic, topicId, partition, from, to, fromAbsent: absent };
      const stats = { rows, files: rows > 0 ? 1 : 0, bytes: open.bytes, timestampMsMax };
      shares.push({ id: this.context.uuid(), table: path, ranges: [range], staged: null, stats });
      this.#open.set(key, { ...open, absent: false, from: null, rows: 0, bytes: 0, timestampMsMax: null });
    }
    return shares;
  }

  /** No file holds rows of two partitions, so nobody else reads again. Lines that are written stay: at least once. */
  close(partitions: readonly TopicPartition[]): Promise<Offsets> {
    for (const partition of partitions) {
      const lines = this.#open.get(partitionKey(partition))?.lines ?? [];
      for (const line of lines) this.#bufferedCharacters -= line.length;
      this.#open.delete(partitionKey(partition));
    }
    return Promise.resolve([]);
  }

  stop(): Promise<void> {
    this.#open.clear();
    this.#bufferedCharacters = 0;
    return Promise.resolve();
  }

  async #write(open: Open): Promise<void> {
    if (open.lines.length === 0) return;
    open.bytes += await appendLines(open.path, open.lines);
    for (const line of open.lines) this.#bufferedCharacters -= line.length;
    open.lines = [];
  }
}
