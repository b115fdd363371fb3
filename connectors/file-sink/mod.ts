/**
 * `file-sink`: JSON lines, a file for each partition: `<file.path>/<topic>-<partition>.jsonl`. Rows to which a router gave
 * another name go to `<file.path>/<name>~<topic>-<partition>.jsonl`. The example of a connector, and the simplest: no committer, so that Kafka's group offsets are the progress. At least once: after a
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
  routedRows: () => null,
  check: (config, topics) =>
    Promise.all([config, ...topics.map((topic) => ({ values: config.forTopic(topic) }))]
      .map(({ values }) => prepareFolder(values["file.path"]))).then(() => {}),
  createTask: (config, context) =>
    Promise.resolve(new FileSinkTask((topic) => config.forTopic(topic)["file.path"], context)),
};

/** What was put of a partition since the last share; `lines` of it, by file, are not written yet. */
interface Open extends TopicPartition {
  /** The start of its files' names, by the name that a router gave the topic. */
  pathOf(name: string): string;
  readonly absent: boolean;
  from: bigint | null;
  to: bigint | null;
  readonly lines: Map<string, string[]>;
  rows: number;
  /** Paths of the files that were written. */
  readonly files: Set<string>;
  bytes: number;
  timestampMsMax: number | null;
}

class FileSinkTask implements SinkTask<null> {
  readonly #open = new Map<string, Open>();
  #bufferedCharacters = 0;

  constructor(private readonly folderOf: (topic: string) => string, private readonly context: SinkTaskContext) {}

  open(partitions: readonly TopicPartition[], at: Offsets): Promise<void> {
    for (const { topic, topicId, partition } of partitions) {
      const pathOf = pathsOf(this.folderOf(topic), topic, partition);
      const to = offsetOf(at, { topic, partition });
      this.#open.set(partitionKey({ topic, partition }), {
        ...{ topic, topicId, partition, pathOf, to, absent: to === null },
        ...{ from: null, lines: new Map(), rows: 0, files: new Set(), bytes: 0, timestampMsMax: null },
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
      const path = open.pathOf(batch.routedTopic(row));
      const lines = open.lines.get(path) ?? [];
      open.lines.set(path, lines);
      lines.push(line);
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
      const { topic, topicId, partition, pathOf, from, to, rows, files, absent, timestampMsMax } = open;
      if (from === null || to === null || from === to) continue;
      await this.#write(open);
      const table = pathOf(topic);
      const range = { topic, topicId, partition, from, to, fromAbsent: absent };
      const stats = { rows, files: files.size, bytes: open.bytes, timestampMsMax };
      shares.push({ id: this.context.uuid(), table, ranges: [range], staged: null, stats });
      this.#open.set(key, {
        ...open,
        absent: false,
        from: null,
        rows: 0,
        files: new Set(),
        bytes: 0,
        timestampMsMax: null,
      });
    }
    return shares;
  }

  /** No file holds rows of two partitions, so nobody else reads again. Lines that are written stay: at least once. */
  close(partitions: readonly TopicPartition[]): Promise<Offsets> {
    for (const partition of partitions) {
      for (const lines of this.#open.get(partitionKey(partition))?.lines.values() ?? []) this.#forget(lines);
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
    for (const [path, lines] of open.lines) {
      open.bytes += await appendLines(path, lines);
      open.files.add(path);
      open.lines.delete(path);
      this.#forget(lines);
    }
  }

  #forget(lines: readonly string[]): void {
    for (const line of lines) this.#bufferedCharacters -= line.length;
  }
}

/**
 * A file has one writer: other topics may be given the same name. What a router says may come from a record: no part of it
 * leaves the folder.
 */
function pathsOf(folder: string, topic: string, partition: number): (name: string) => string {
  const own = `${topic}-${partition}.jsonl`;
  return (name) => {
    if (name === topic) return `${folder}/${own}`;
    return `${folder}/${
      encodeURIComponent(name).replace(/[~*!'()]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)
    }~${own}`;
  };
}
