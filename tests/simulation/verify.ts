/**
 * The judge of a run: what was produced, against what the tables' logs and files say, version by version. It reads the
 * tables from outside, after the fact, and knows nothing of how they came to be.
 *
 * @module
 */
import { parseAppId } from "../../connectors/delta-sink/committer/app_ids.ts";
import { type Action, type Add, decodePath } from "../../connectors/delta-sink/delta/actions.ts";
import { loadSnapshot, readCommit } from "../../connectors/delta-sink/delta/load.ts";
import { commitPath } from "../../connectors/delta-sink/delta/log.ts";
import { decodeRows } from "../../connectors/delta-sink/parquet/rows.ts";
import type { Storage } from "../../connectors/delta-sink/storage/storage.ts";
import { tableUri } from "../../connectors/delta-sink/config.ts";
import { TABLE_URI } from "./connector_process.ts";
import { letterKey } from "./journal.ts";
import type { Produced } from "./source.ts";
import type { World } from "./world.ts";

/** What is wrong with a world, a line each; none: it is right. `isQuiet`: everything should have been read by now. */
export async function verify(world: World, { isQuiet }: { isQuiet: boolean }): Promise<string[]> {
  const problems = [
    ...world.bugs.map((bug) => `a bug was thrown: ${bug instanceof Error ? bug.stack : bug}`),
    ...world.journal.violations,
    ...failedCheckpoints(world),
  ];
  if (isQuiet && !world.isComplete()) problems.push(incomplete(world));
  for (const { topic } of world.options.topics) {
    const uri = tableUri({ "table.uri": TABLE_URI } as Parameters<typeof tableUri>[0], topic);
    problems.push(...await new TableVerifier(world, topic, uri).verify());
  }
  problems.push(...strayLetters(world));
  return problems;
}

/** A row as the verifier reads it. */
interface RowSeen {
  readonly id: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly extra: unknown;
}

/** One table, version by version. */
class TableVerifier {
  readonly #storage: Storage;
  readonly #problems: string[] = [];
  readonly #files = new Map<string, Add>();
  /** Next offsets as of the version at hand, by `topicId/partition`. */
  readonly #offsets = new Map<string, bigint>();
  readonly #ids = new Set<string>();

  constructor(private readonly world: World, private readonly topic: string, private readonly uri: string) {
    this.#storage = world.storage(uri);
  }

  async verify(): Promise<string[]> {
    let version = 0n;
    for (;; version++) {
      const actions = await readCommit(this.#storage, version);
      if (actions === null) break;
      await this.#version(version, actions);
    }
    if (version > 0n) await this.#snapshot(version - 1n);
    return this.#problems;
  }

  async #version(version: bigint, actions: readonly Action[]): Promise<void> {
    const rows: RowSeen[] = [];
    for (const { add, remove } of actions) {
      if (remove) this.#wrong(version, `removes ${remove.path}`);
      if (!add) continue;
      if (this.#files.has(add.path)) this.#wrong(version, `adds ${add.path}, which is in the table already`);
      this.#files.set(add.path, add);
      rows.push(...await this.#file(version, add));
    }
    const step = this.world.journal.versions.get(`${this.uri}/${commitPath(version)}`);
    if (step === undefined) this.#wrong(version, "was created by nobody");
    const byPartition = Map.groupBy(rows, ({ id }) => this.#partitionOf(id));
    const txns = new Set<string>();
    for (const { txn } of actions) {
      const id = txn && parseAppId(txn.appId);
      if (!id) continue;
      if (txns.has(txn.appId)) this.#wrong(version, `has two txns for ${txn.appId}`);
      txns.add(txn.appId);
      this.#partition(
        version,
        id,
        txn.version,
        byPartition.get(`${id.topicId}/${id.partition}`) ?? [],
        step ?? 0,
        isStart(actions),
      );
      byPartition.delete(`${id.topicId}/${id.partition}`);
    }
    for (const partition of byPartition.keys()) {
      this.#wrong(version, `has rows of ${partition} and moves no offset of it`);
    }
  }

  /** Rows are told apart by their ids: incarnations of a topic share partition numbers. */
  #partitionOf(id: string): string {
    const produced = this.world.source.byId.get(id);
    return produced ? `${produced.topicId}/${produced.partition}` : `nothing that was produced: ${id}`;
  }

  /** The rows of a partition in a version are those of `[offset before, offset now)`, all of them, each once. */
  #partition(
    version: bigint,
    { topicId, partition }: { topicId: string; partition: number },
    to: bigint,
    rows: readonly RowSeen[],
    step: number,
    isStart: boolean,
  ): void {
    const key = `${topicId}/${partition}`;
    const name = `${this.topic}-${partition}`;
    const from = this.#offsets.get(key) ?? (isStart ? to : 0n);
    if (to < from) this.#wrong(version, `moves ${name} back from ${from} to ${to}`);
    this.#offsets.set(key, to);
    const byId = new Map<string, RowSeen>();
    for (const row of rows) {
      if (byId.has(row.id)) this.#wrong(version, `has ${row.id} twice`);
      if (this.#ids.has(row.id)) this.#wrong(version, `has ${row.id} again: a version before it has it`);
      this.#ids.add(row.id);
      byId.set(row.id, row);
    }
    for (const produced of this.world.source.of({ topicId, partition })) {
      if (produced.offset < from || produced.offset >= to) continue;
      this.#record(version, produced, byId.get(produced.id), step);
      byId.delete(produced.id);
    }
    for (const id of byId.keys()) this.#wrong(version, `has ${id}, which is not in [${from}, ${to}) of ${name}`);
  }

  #record(version: bigint, produced: Produced, row: RowSeen | undefined, step: number): void {
    const { id, topic, partition, offset, isPoison, isWide, isVague, isDeleted } = produced;
    if (isPoison) {
      const letter = this.world.journal.letters.get(letterKey(produced));
      if (row) this.#wrong(version, `has a row of ${id}, which cannot be one`);
      if (!letter && !isDeleted) this.#wrong(version, `moves past ${id}, which has no dead letter`);
      if (letter && letter.step > step && !isDeleted) this.#wrong(version, `came before the dead letter of ${id}`);
      return;
    }
    if (!row) {
      const letter = isVague && this.world.journal.letters.get(letterKey(produced));
      if (letter && letter.step <= step) return;
      if (!isDeleted) this.#wrong(version, `moves past ${id} (${topic}-${partition}@${offset}) without its row`);
      return;
    }
    if (row.offset !== offset || row.partition !== partition) {
      this.#wrong(version, `has ${id} as ${row.partition}@${row.offset}, wanted ${partition}@${offset}`);
    }
    if (isWide !== (row.extra !== null && row.extra !== undefined)) {
      this.#wrong(version, `has ${id} with extra = ${row.extra}, wanted ${isWide ? "a value" : "none"}`);
    }
  }

  /** A file exists, holds what the log says, and has the rows of each partition in their order. */
  async #file(version: bigint, add: Add): Promise<RowSeen[]> {
    const path = decodePath(add.path);
    const bytes = await this.#storage.get(path);
    if (bytes === null) {
      const why = this.world.journal.deleted.has(`${this.uri}/${path}`) ? "was deleted" : "never came to be";
      this.#wrong(version, `names ${path}, which ${why}`);
      return [];
    }
    if (bytes.length !== add.size) this.#wrong(version, `says ${add.size} bytes of ${path}, it has ${bytes.length}`);
    const rows = (await decodeRows(bytes)).map((row): RowSeen => ({
      id: row.id as string,
      partition: row._kafka_partition as number,
      offset: row._kafka_offset as bigint,
      extra: row.extra,
    }));
    if (JSON.parse(add.stats!).numRecords !== rows.length) this.#wrong(version, `has wrong stats of ${path}`);
    const last = new Map<string, bigint>();
    for (const { id, offset } of rows) {
      const partition = this.#partitionOf(id);
      if ((last.get(partition) ?? -1n) >= offset) this.#wrong(version, `has ${id} out of order in ${path}`);
      last.set(partition, offset);
    }
    return rows;
  }

  /** What a reader is told, checkpoint included, is what the versions add up to. */
  async #snapshot(version: bigint): Promise<void> {
    const snapshot = await loadSnapshot(this.#storage, { files: true });
    if (snapshot?.version !== version) {
      this.#problems.push(`${this.uri}: readers see version ${snapshot?.version}, the log ends at ${version}`);
      return;
    }
    const files = new Set([...snapshot.files!.adds.values()].map(({ path }) => path));
    const same = files.size === this.#files.size && [...files].every((path) => this.#files.has(path));
    if (!same) this.#wrong(version, `shows readers ${files.size} files, wanted ${this.#files.size}`);
    for (const [appId, offset] of snapshot.txns) {
      const id = parseAppId(appId);
      if (!id) continue;
      const { topicId, partition } = id;
      const wanted = this.#offsets.get(`${topicId}/${partition}`);
      if (offset !== wanted) this.#wrong(version, `shows readers offset ${offset} for ${appId}, wanted ${wanted}`);
    }
  }

  #wrong(version: bigint, what: string): void {
    this.#problems.push(`version ${version} of ${this.uri} ${what}`);
  }
}

/** Only what cannot become a row may be a dead letter. */
function strayLetters({ source, journal }: World): string[] {
  const wanted = new Set<string>();
  for (const produced of [...source.byPartition.values()].flat()) {
    if (produced.isPoison || produced.isVague) wanted.add(letterKey(produced));
  }
  return [...journal.letters.keys()]
    .filter((origin) => !wanted.has(origin))
    .map((origin) => `${origin} is a dead letter and is not to be one`);
}

function incomplete({ options, kafka, journal, processes }: World): string {
  const open = options.topics.flatMap(({ topic }) =>
    kafka.topics.get(topic)!.partitions.map(({ topicId, partition, endOffset }) =>
      `${topic}-${partition}: ${journal.offsets.get(`${topic}/${partition}/${topicId}`) ?? "none"} of ${endOffset}`
    )
  );
  const states = processes.map(({ life, failure, hasEnded }) =>
    `${life.name} ${hasEnded ? "has ended" : life.isDead ? "is dead" : life.isPaused ? "is paused" : "runs"}` +
    (failure ? ` (${failure})` : "")
  );
  return `not everything came into the tables: ${open.join(", ")}; ${states.join(", ")}`;
}

/** A checkpoint may fail as calls do, for no other reason. */
function failedCheckpoints({ lines }: World): string[] {
  return lines
    .filter(({ message, fields }) =>
      message.startsWith("A checkpoint failed") && !String(fields.error).startsWith("Simulated")
    )
    .map(({ fields }) => `a checkpoint of ${fields.table} failed: ${fields.error}`);
}

/** A version that only notes where reading begins. */
function isStart(actions: readonly Action[]): boolean {
  const text = actions.find(({ commitInfo }) => commitInfo)?.commitInfo?.userMetadata;
  return typeof text === "string" && "start" in JSON.parse(text);
}
