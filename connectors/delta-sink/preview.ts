/**
 * Previews of the Delta sink: the real task, on storages that drop what is written, and the real rules of a commit.
 *
 * @module
 */
import type { Schema } from "apache-arrow";
import {
  type Config,
  FatalError,
  type PreviewTask,
  type Share,
  type SinkTaskContext,
  type TargetPartition,
  type TargetPreview,
} from "../../mod.ts";
import { planSchema, type SchemaRules } from "./committer/schema_plan.ts";
import type { deltaSinkOptions } from "./config.ts";
import { compareSchemas } from "./delta/compare_schemas.ts";
import { loadSnapshot } from "./delta/load.ts";
import { type DeltaStruct, deltaToArrow, parseDeltaSchema } from "./delta/schema.ts";
import type { Snapshot } from "./delta/snapshot.ts";
import type { DeltaStaged } from "./staged.ts";
import { droppingStorage } from "./storage/dropping.ts";
import { openStorage } from "./storage/open.ts";
import { s3Settings } from "./storage/s3/options.ts";
import type { Storage } from "./storage/storage.ts";
import { DeltaSinkTask } from "./task.ts";

const EMPTY: DeltaStruct = { type: "struct", fields: [] };

/** What was put for one table so far; files are summed up, not kept. */
interface Seen {
  readonly topic: string;
  readonly partitions: Map<string, TargetPartition>;
  /** The first share with each schema: all that rows could want of a commit. */
  readonly shares: Map<string, Share<DeltaStaged>>;
}

/** See `PreviewTask` for the contract. */
export class DeltaPreviewTask extends DeltaSinkTask implements PreviewTask<DeltaStaged> {
  readonly #seen = new Map<string, Seen>();
  readonly #openReal: (uri: string) => Storage;

  constructor(
    private readonly sinkConfig: Config<typeof deltaSinkOptions>,
    private readonly parts: SinkTaskContext,
    openReal?: (uri: string) => Storage,
  ) {
    const open = openReal ??
      ((uri: string) => openStorage(uri, { s3: s3Settings(sinkConfig.values), retry: parts.retry }));
    super(sinkConfig, parts, (uri) => droppingStorage(open(uri)));
    this.#openReal = open;
  }

  override async preCommit(): Promise<readonly Share<DeltaStaged>[]> {
    const shares = await super.preCommit();
    for (const share of shares) this.#add(share);
    return shares;
  }

  async preview(): Promise<readonly TargetPreview[]> {
    await this.preCommit();
    const previews: TargetPreview[] = [];
    for (const [table, seen] of this.#seen) previews.push(await this.#preview(table, seen));
    return previews;
  }

  #add(share: Share<DeltaStaged>): void {
    const { table, staged } = share;
    const seen = this.#seen.get(table) ??
      { topic: share.ranges[0].topic, partitions: new Map(), shares: new Map() };
    this.#seen.set(table, seen);
    if (staged.schema !== null && !seen.shares.has(staged.schema)) seen.shares.set(staged.schema, share);
    for (const { partitionValues: values, rows, size } of staged.files) {
      const key = JSON.stringify(values);
      const sum = seen.partitions.get(key) ?? { values, rows: 0, files: 0, bytes: 0 };
      seen.partitions.set(key, { values, rows: sum.rows + rows, files: sum.files + 1, bytes: sum.bytes + size });
    }
  }

  async #preview(table: string, { topic, partitions, shares }: Seen): Promise<TargetPreview> {
    const snapshot = await loadSnapshot(this.#openReal(table));
    const before = snapshot ? parseDeltaSchema(snapshot.metadata.schemaString) : EMPTY;
    // Shares chain, so that the last one has all that those before it added.
    const last = [...shares.values()].at(-1);
    const compared = last ? compareSchemas(before, parseDeltaSchema(last.staged.schema!)) : null;
    const after: Schema | null = last && compared
      ? deltaToArrow(compared.kind === "adds" ? compared.merged : before)
      : null;
    return {
      table,
      topic,
      before: before.fields.length === 0 ? null : deltaToArrow(before),
      after,
      added: compared?.kind === "adds" ? compared.added : [],
      partitions: [...partitions.values()],
      refused: this.#refusal(table, topic, snapshot, [...shares.values()]),
    };
  }

  /** Why a commit of the shares would be refused as a whole. */
  #refusal(
    table: string,
    topic: string,
    snapshot: Snapshot | null,
    shares: readonly Share<DeltaStaged>[],
  ): string | null {
    const values = this.sinkConfig.forTopic(topic);
    const rules: SchemaRules = {
      table,
      evolution: values["schema.evolution"],
      autoCreateTable: values["auto.create.table"],
      allowProtocolUpgrade: values["allow.protocol.upgrade"],
      tableProperties: values["table.properties"],
      uuid: this.parts.uuid,
      nowMs: this.parts.clock.now(),
    };
    try {
      const { conflicting } = planSchema(snapshot, shares, rules);
      return conflicting.size === 0 ? null : `the schema of the rows conflicts with that of table "${table}"`;
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      return error.message;
    }
  }
}
