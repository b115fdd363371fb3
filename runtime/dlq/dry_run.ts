/**
 * What a replay would come to: nothing is sent, nothing is written, nobody is shut out.
 *
 * @module
 */
import type { ConnectorContext, PreviewTask, TargetPreview } from "../api/mod.ts";
import { type Stage, withSchemaOf } from "../dead_letter.ts";
import { OfflineStages } from "../offline_stages.ts";
import type { Instance } from "../config/resolve_instance.ts";
import type { Fix } from "./fix.ts";
import { fixSelection } from "./fix_selection.ts";
import type { Ledger } from "./ledger.ts";
import { batchesOf, type BatchLimits } from "./batches.ts";
import type { Letter } from "./letter.ts";
import { slabsOfLetters } from "./letter_records.ts";
import type { OffsetSet } from "./offset_set.ts";
import type { ReplayParts, ReplayRequest } from "./replay.ts";
import { onlyTopic } from "./topic_of.ts";

/** What a dry run needs. */
export interface DryParts {
  /** The connector as it is: what reads a topic. */
  readonly instance: Instance;
  /** The whole queue. */
  readonly read: () => AsyncIterable<Letter>;
  readonly fix: Fix;
  /** See `ReplayParts`. */
  readonly assertNew: ReplayParts["assertNew"];
  /** Letters are sent to a topic, not put into the sink. */
  readonly toTopic: boolean;
  readonly context: ConnectorContext;
  readonly memoryBytes: number;
  readonly limits: BatchLimits;
}

/** Letters that would be refused alike. */
interface RefusedGroup {
  readonly stage: Stage;
  readonly reason: string;
  count: number;
  /** What is wrong with the first of them, and where it lies. */
  readonly sample: string;
}

/** For people, and for programs. */
export interface DryReport {
  readonly text: string;
  readonly json: unknown;
}

/** Tries all that a replay would choose. */
export async function dryRun(request: ReplayRequest, ledger: Ledger, parts: DryParts): Promise<DryReport> {
  const { selection, overLimit } = await fixSelection(request.choose(ledger), await request.newest(), request);
  await parts.assertNew();
  const trial = await Trial.load(parts);
  try {
    for await (const chunk of batchesOf(selected(parts.read(), selection), parts.limits, (letter) => letter)) {
      await trial.put(chunk);
    }
    return trial.report(selection.size, overLimit.length, await trial.preview());
  } finally {
    await trial.close();
  }
}

async function* selected(letters: AsyncIterable<Letter>, selection: OffsetSet): AsyncGenerator<Letter> {
  for await (const letter of letters) if (selection.has(letter.at.partition, letter.at.offset)) yield letter;
}

class Trial {
  readonly #groups = new Map<string, RefusedGroup>();
  #rejected: { readonly index: number; readonly stage: Stage; readonly reason: string; readonly message: string }[] =
    [];
  #refused = 0;
  /** Letters that the fix itself refuses. */
  #unfixed = 0;

  private constructor(
    private readonly parts: DryParts,
    private readonly stages: OfflineStages,
    private readonly sink: PreviewTask<unknown> | null,
  ) {}

  static async load(parts: DryParts): Promise<Trial> {
    const { fix, context, memoryBytes, toTopic } = parts;
    // Into the sink letters go by the fix's own configuration; what is sent to a topic is read as all of it is.
    const { instance } = toTopic ? parts : fix;
    let trial: Trial | null = null;
    const sink = instance.plugin.previewTask
      ? await instance.plugin.previewTask(instance.connectorConfig, {
        ...context,
        task: 0,
        memoryBytes,
        reject: (batch, row, given) => {
          const { details, message } = withSchemaOf(given, batch);
          const stage = details.stage ?? "TASK_PUT";
          trial!.#rejected.push({ index: batch.origin.rows[row], stage, reason: details.reason, message });
        },
        requestCommit: () => {},
      })
      : null;
    const targetSchema = sink?.targetSchema && ((topic: string) => sink.targetSchema!(topic));
    const stages = await OfflineStages.load({
      ...{ ...context, instance, fetch, targetSchema },
      ...(toTopic ? {} : { fix: fix.stage }),
    });
    return trial = new Trial(parts, stages, sink);
  }

  async put(letters: readonly Letter[]): Promise<void> {
    const { fix, toTopic } = this.parts;
    const { instance } = toTopic ? this.parts : fix;
    const changed = await (toTopic ? fix.records(letters) : fix.changed(letters));
    this.#unfixed += changed.refused.length;
    for (const { letter, stage, error } of changed.refused) {
      this.#count(letter, stage, error.details.reason, error.message);
    }
    for (const { records, letters: of } of slabsOfLetters([...changed.letters.values()], onlyTopic(instance))) {
      const { batches, refused } = await this.stages.treat(records);
      this.#rejected = refused.map(({ index, stage, error }) => (
        { index, stage, reason: error.details.reason, message: error.message }
      ));
      if (this.sink) {
        const { topic, topicId, partition } = records;
        await this.sink.open([{ topic, topicId, partition }], []);
        for (const batch of batches) await this.sink.put(batch);
        await this.sink.preCommit();
        await this.sink.close([{ topic, topicId, partition }]);
      }
      const seen = new Set<number>();
      for (const { index, stage, reason, message } of this.#rejected) {
        if (seen.has(index)) continue;
        seen.add(index);
        this.#count(of[index], stage, reason, message);
      }
    }
  }

  async preview(): Promise<readonly TargetPreview[]> {
    return await this.sink?.preview() ?? [];
  }

  async close(): Promise<void> {
    await this.sink?.stop();
  }

  report(chosen: number, overLimit: number, targets: readonly TargetPreview[]): DryReport {
    const passing = chosen - this.#refused;
    const refused = [...this.#groups.values()].sort((a, b) => b.count - a.count);
    const tables = targets.map(({ table, partitions, added, refused }) => ({
      table,
      rows: partitions.reduce((sum, { rows }) => sum + rows, 0),
      partitions: partitions.length,
      added,
      refused,
    }));
    const { toTopic, instance } = this.parts;
    const sent = chosen - this.#unfixed;
    const lines = toTopic
      ? [
        `${chosen} letters are chosen: ${sent} would be sent to a topic`,
        `As "${instance.name}" is configured, ${passing} would pass there, ${this.#refused} would be refused again`,
      ]
      : [`${chosen} letters are chosen: ${passing} would pass, ${this.#refused} would be refused again`];
    const rows = tables.reduce((sum, each) => sum + each.rows, 0);
    if (this.sink && !toTopic && rows < passing) lines.push(`  ${passing - rows} would be left out, and leave no row`);
    for (const { table, rows, added, refused } of tables) {
      if (toTopic || (rows === 0 && !refused)) continue;
      const columns = added.length > 0 ? `, with new columns ${added.join(", ")}` : "";
      lines.push(`  ${rows} rows into "${table}"${columns}${refused ? `; but the commit is refused: ${refused}` : ""}`);
    }
    for (const { count, stage, reason, sample } of refused) lines.push(`  ${count} ${stage}: ${reason}; ${sample}`);
    if (overLimit > 0) lines.push(`${overLimit} letters would be quarantined: they were letters too often`);
    if (!this.sink) lines.push("The sink has no previews: what it would refuse is not known");
    lines.push("Nothing was sent or written");
    const json = { chosen, passing, refused, tables, quarantined: overLimit, ...(toTopic ? { sent } : {}) };
    return { text: lines.join("\n"), json };
  }

  #count({ at }: Letter, stage: Stage, reason: string, message: string): void {
    this.#refused++;
    const key = `${stage} ${reason}`;
    const group = this.#groups.get(key) ??
      { stage, reason, count: 0, sample: `e.g. ${at.topic}-${at.partition}@${at.offset}: ${message}` };
    group.count++;
    this.#groups.set(key, group);
  }
}
