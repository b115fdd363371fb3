/**
 * Traces of rounds, by Deno's own OpenTelemetry exporter: loaded where OTEL_DENO is on, and only then. This file is the only
 * door to @opentelemetry/api.
 *
 * A round is a trace: span `round`, in it `prepare` for each task that was asked, `commit` for each table, and `advance` for
 * the group's offsets. What a commit asks for over `fetch` is within its span: Deno instruments it. A task that is late
 * answers after its round has ended; its span ends then.
 *
 * @module
 */
import { type Attributes, context, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from "@opentelemetry/api";
import type { CommitOutcome, OffsetRange, Share } from "./api/mod.ts";
import type { CommitTrace, RoundTracer } from "./commit.ts";
import type { CoordinatorEffect, CoordinatorEvent, CoordinatorState } from "./coordinator_state.ts";

interface OpenRound {
  readonly span: Span;
  /** Commits and advances that have not ended. */
  open: number;
  tables: number;
  rows: number;
}

/** Attributes that list names hold so many of them. */
const NAMES_MAX = 20;

/** A tracer of one run's rounds. */
export function createRoundTracer(connector: string): RoundTracer {
  return new Rounds(connector);
}

class Rounds implements RoundTracer {
  readonly #tracer = trace.getTracer("sluice");
  readonly #rounds = new Map<number, OpenRound>();
  /** By task: one that owes an answer is not asked again. */
  readonly #prepares = new Map<number, { readonly span: Span; readonly epoch: number }>();
  /** The rounds of the commits under way, by table. */
  readonly #committing = new Map<string, number>();
  /** The round whose commit the last step was about. */
  #decided: number | null = null;
  /** As the last step left it. */
  #state: CoordinatorState | null = null;

  constructor(private readonly connector: string) {}

  stepped(event: CoordinatorEvent, state: CoordinatorState, effects: readonly CoordinatorEffect[]): void {
    if (event.kind === "prepared") this.#prepared(event);
    if (event.kind === "task-left") this.#lost(event.task, event.why ?? "the task is gone");
    if (event.kind === "committed") this.#ended(event.table);
    for (const effect of effects) {
      if (effect.kind === "ask") this.#asked(effect);
      if (effect.kind === "commit") this.#begun(effect);
      // Its span begins when it is sent, right after this.
      if (effect.kind === "advance") this.#hold(this.#decided, 1);
    }
    this.#state = state;
    this.#endRounds();
  }

  commit(table: string, shares: readonly Share<unknown>[]): CommitTrace {
    const epoch = this.#committing.get(table);
    const span = this.#child("commit", epoch, {
      "sluice.table": table,
      "sluice.shares": shares.length,
      "sluice.topics": topicsOf(shares.flatMap(({ ranges }) => ranges)),
    });
    const { traceId, spanId } = span.spanContext();
    return {
      ids: { trace_id: traceId, span_id: spanId },
      within: (work) => context.with(trace.setSpan(ROOT_CONTEXT, span), work),
      ended: (outcomes) => {
        const rows = noteOutcomes(span, shares, outcomes);
        const round = this.#rounds.get(epoch ?? -1);
        if (round) round.rows += rows;
        span.end();
      },
      failed: (error) => {
        failSpan(span, error);
        span.end();
      },
    };
  }

  advance(ranges: readonly OffsetRange[], sent: Promise<unknown>): void {
    const epoch = this.#decided;
    const span = this.#child("advance", epoch, {
      "sluice.partitions": ranges.length,
      "sluice.topics": topicsOf(ranges),
    });
    sent.then((failure) => {
      if (failure !== null && failure !== undefined) failSpan(span, failure);
      span.end();
      this.#hold(epoch, -1);
      this.#endRounds();
    });
  }

  failed(error: unknown): void {
    for (const task of [...this.#prepares.keys()]) this.#lost(task, "the run failed");
    for (const [epoch, round] of this.#rounds) {
      failSpan(round.span, error);
      this.#end(epoch, round);
    }
  }

  #asked({ epoch, tasks }: CoordinatorEffect & { kind: "ask" }): void {
    const attributes = { "sluice.connector": this.connector, "sluice.epoch": epoch, "sluice.tasks": tasks.length };
    const span = this.#tracer.startSpan("round", { attributes, root: true }, ROOT_CONTEXT);
    this.#rounds.set(epoch, { span, open: 0, tables: 0, rows: 0 });
    for (const task of tasks) {
      this.#prepares.set(task, { span: this.#child("prepare", epoch, { "sluice.task": task }), epoch });
    }
  }

  #prepared({ task, shares }: CoordinatorEvent & { kind: "prepared" }): void {
    const span = this.#prepares.get(task)?.span;
    this.#prepares.delete(task);
    const sum = (of: (stats: Share<unknown>["stats"]) => number) =>
      shares.reduce((total, { share }) => total + of(share.stats), 0);
    span?.setAttributes({
      "sluice.shares": shares.length,
      "sluice.rows": sum(({ rows }) => rows),
      "sluice.files": sum(({ files }) => files),
      "sluice.bytes": sum(({ bytes }) => bytes),
    });
    span?.end();
  }

  /** Its span and its round fail: what it had read is in a later round. */
  #lost(task: number, why: string): void {
    const prepare = this.#prepares.get(task);
    if (!prepare) return;
    this.#prepares.delete(task);
    const [message] = why.split("\n"); // a stack may follow
    prepare.span.setStatus({ code: SpanStatusCode.ERROR, message });
    prepare.span.end();
    this.#rounds.get(prepare.epoch)?.span.setStatus({
      code: SpanStatusCode.ERROR,
      message: `task ${task}: ${message}`,
    });
  }

  #begun({ epoch, table }: CoordinatorEffect & { kind: "commit" }): void {
    this.#committing.set(table, epoch);
    const round = this.#hold(epoch, 1);
    if (round) round.tables++;
  }

  #ended(table: string): void {
    this.#decided = this.#committing.get(table) ?? null;
    this.#committing.delete(table);
    this.#hold(this.#decided, -1);
  }

  #hold(epoch: number | null, by: 1 | -1): OpenRound | undefined {
    const round = epoch === null ? undefined : this.#rounds.get(epoch);
    if (round) round.open += by;
    return round;
  }

  #endRounds(): void {
    if (!this.#state || this.#state.due.size > 0) return;
    for (const [epoch, round] of this.#rounds) {
      if (round.open === 0 && this.#state.round?.epoch !== epoch) this.#end(epoch, round);
    }
  }

  #end(epoch: number, { span, tables, rows }: OpenRound): void {
    this.#rounds.delete(epoch);
    span.setAttributes({ "sluice.tables": tables, "sluice.rows": rows });
    span.end();
  }

  /** In its round; a round that has no span (nobody was free to be asked) leaves it a trace of its own. */
  #child(name: string, epoch: number | null | undefined, attributes: Attributes): Span {
    const round = this.#rounds.get(epoch ?? -1);
    const parent = round ? trace.setSpan(ROOT_CONTEXT, round.span) : ROOT_CONTEXT;
    const shared = { "sluice.connector": this.connector, "sluice.epoch": epoch ?? undefined };
    return this.#tracer.startSpan(name, { attributes: { ...shared, ...attributes } }, parent);
  }
}

/** Returns the rows that were committed. */
function noteOutcomes(span: Span, shares: readonly Share<unknown>[], outcomes: readonly CommitOutcome[]): number {
  const committed = shares.filter((_, i) => outcomes[i].kind === "committed").map(({ stats }) => stats);
  const rows = committed.reduce((sum, stats) => sum + stats.rows, 0);
  const kinds = [...new Set(outcomes.map(({ kind }) => kind))].sort();
  span.setAttributes({
    "sluice.outcome": kinds.join(","),
    "sluice.rows": rows,
    "sluice.files": committed.reduce((sum, { files }) => sum + files, 0),
    "sluice.bytes": committed.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  for (const outcome of outcomes) {
    if (outcome.kind === "committed") span.setAttribute("sluice.version", Number(outcome.version));
    if (outcome.kind === "stale") span.addEvent("stale", { "sluice.why": outcome.why });
    if (outcome.kind === "failed") failSpan(span, outcome.why);
  }
  return rows;
}

function failSpan(span: Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : String(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
}

function topicsOf(ranges: readonly OffsetRange[]): string[] {
  return [...new Set(ranges.map(({ topic }) => topic))].slice(0, NAMES_MAX);
}
