/**
 * `dlq replay` and `dlq resolve`: letters go on, or are done with.
 *
 * @module
 */
import { hostname } from "node:os";
import { ConfigError, FatalError, option } from "../api/mod.ts";
import { systemClock } from "../clock.ts";
import { parseValue } from "../config/parse_value.ts";
import type { Instance } from "../config/resolve_instance.ts";
import { connectorContext } from "../connector_context.ts";
import { ChoiceCounts } from "../dlq/choose.ts";
import { createFix, type Fix } from "../dlq/fix.ts";
import { attemptsOf } from "../dlq/fix_selection.ts";
import { type FixSpec, isNoFix } from "../dlq/fix_spec.ts";
import { ledgerProducerId, ledgerTopic } from "../dlq/ledger.ts";
import { dryRun } from "../dlq/dry_run.ts";
import { replay, type ReplayParts, type ReplayRequest, type ReplayResult } from "../dlq/replay.ts";
import { resolve } from "../dlq/resolve.ts";
import type { Run, RunTarget } from "../dlq/run_record.ts";
import type { QueueWorld, RunWork } from "../dlq/run_work.ts";
import { assertReplayable, type SinkParts, SinkReplay } from "../dlq/sink_target.ts";
import { topicOf } from "../dlq/topic_of.ts";
import { assertTopic, replayToTopic } from "../dlq/topic_target.ts";
import { awaitTurn, hold } from "../dlq/turns.ts";
import { assertNoUnknownRuns, FirstLetters } from "../dlq/unknown_runs.ts";
import { createFetcher } from "../kafka/fetcher.ts";
import { createProducer } from "../kafka/producer.ts";
import { createTransactionalProducer } from "../kafka/transactional_producer.ts";
import { OfflineStages } from "../offline_stages.ts";
import type { CliContext } from "./command_line.ts";
import { leftOut, type LetterFlags, parseLetterFlags, readChosen } from "./dlq/chosen_letters.ts";
import { type FixFlags, parseFix } from "./dlq/fix_flags.ts";
import { type OpenQueue, withQueue } from "./dlq/open_queue.ts";
import { print } from "./dlq/text.ts";

/** The flags of both commands. */
interface ActFlags extends LetterFlags {
  /** How long to wait for a run that another process executes. */
  readonly wait?: string;
  readonly json?: boolean;
}

/** The flags of `replay`. */
export interface ReplayFlags extends ActFlags, FixFlags {
  /** `sink`, `topic`, or `topic` and a name. */
  readonly to?: readonly string[];
  readonly dryRun?: boolean;
  readonly includeQuarantined?: boolean;
  readonly attemptsMax?: string;
  readonly resume?: boolean;
  readonly abandon?: boolean;
}

/** The flags of `resolve`. */
export interface ResolveFlags extends ActFlags {
  readonly note?: string;
  readonly undo?: boolean;
}

const CHUNK = { letters: 5_000, bytes: 32 << 20 };
/** To a topic: a transaction each. */
const TOPIC_CHUNK = { letters: 1_000, bytes: 8 << 20 };
const MEMORY_BYTES = 128 << 20;

/** Prints what became of it; returns the exit code. */
export async function replayLetters(given: ReplayFlags, context: CliContext): Promise<number> {
  const target = parseTarget(given.to ?? ["sink"]);
  const fix = await parseFix(given);
  // Of what chooses letters elsewhere: --set and --schema-id say here what they are changed to.
  const flags: ReplayFlags = { ...given, set: [], schemaId: undefined, state: undefined };
  const attemptsMax = parseCount("--attempts-max", given.attemptsMax ?? "3");
  const choice = await parseLetterFlags(flags, "all");
  return await withQueue(flags, context, async (queue) => {
    const instance = instanceOf(queue);
    const made = new Fixes(queue, flags, context, instance);
    if (target.kind === "sink") assertReplayable(instance);
    else if (target.topic !== null) await assertTopic(queue.admin, queue.topic, target.topic);
    const own = await made.of(fix); // what cannot be made of the flags is said before anything begins
    const counts = new ChoiceCounts();
    const first = new FirstLetters();
    const request: ReplayRequest = {
      target,
      fix,
      attemptsMax,
      states: flags.includeQuarantined ? ["open", "quarantined"] : ["open"],
      hasTopic: (letter) => {
        const topic = topicOf(letter, instance);
        // Once a run has begun it is finished first: what it cannot do is said before.
        if (topic !== null && target.kind === "topic") own.assertRecords(topic);
        if (topic !== null && target.kind === "sink") first.add(topic, letter);
        return topic !== null;
      },
      choose: () => readChosen(queue, choice, counts),
      newest: () => attemptsOf(queue.read()),
      abandon: flags.abandon ?? false,
      resumeOnly: flags.resume ?? false,
    };
    const assertNew = () => assertNotReplayed(queue, own.instance, first);
    if (flags.dryRun) {
      const ledger = await queue.ledger();
      const report = await dryRun(request, ledger, {
        assertNew,
        read: () => queue.read(),
        fix: own,
        instance,
        toTopic: target.kind === "topic",
        memoryBytes: MEMORY_BYTES,
        limits: CHUNK,
        context: contextOf(queue, instance),
      });
      if (flags.json) console.log(JSON.stringify(report.json));
      else print([report.text, ...leftOut(queue, counts)].join("\n"));
      return 0;
    }
    const parts = { ...await replayParts(queue, instance, made, flags), assertNew };
    try {
      const result = await replay(parts, request);
      if (flags.json) console.log(resultJson(result));
      else print([resultText(result, queue.topic), ...leftOut(queue, counts)].join("\n"));
      return 0;
    } finally {
      await parts.producer.close();
    }
  });
}

/** Prints how many letters were marked; returns the exit code. */
export async function resolveLetters(flags: ResolveFlags, context: CliContext): Promise<number> {
  const undo = flags.undo ?? false;
  const choice = await parseLetterFlags(flags, undo ? "resolved" : "open");
  return await withQueue(flags, context, async (queue) => {
    const world = await queueWorld(queue, flags);
    try {
      const counts = new ChoiceCounts();
      const request = { choose: () => readChosen(queue, choice, counts), note: flags.note ?? null, undo };
      const marked = await resolve(world, request);
      if (flags.json) console.log(JSON.stringify({ [undo ? "opened" : "resolved"]: marked }));
      else {
        const done = `${marked} letters of ${queue.topic} are ${undo ? "open again" : "resolved"}`;
        print([done, ...leftOut(queue, counts)].join("\n"));
      }
      return 0;
    } finally {
      await world.producer.close();
    }
  });
}

function instanceOf(queue: OpenQueue): Instance {
  if (queue.instance) return queue.instance;
  throw new FatalError(
    "Cannot replay: letters go through a connector's pipeline, and none is chosen; name it by --connector (and --config)",
  );
}

/** What the runs of a queue are executed with, each with its own fix. */
class Fixes {
  constructor(
    private readonly queue: OpenQueue,
    private readonly flags: ReplayFlags,
    private readonly context: CliContext,
    private readonly instance: Instance,
  ) {}

  of(fix: FixSpec): Promise<Fix> {
    const { plugins } = this.context;
    const { queue, instance } = this;
    const load = async (options: readonly string[]) => {
      const { chooseInstance } = await import("./chosen_instance.ts");
      return (await chooseInstance({ ...this.flags, options }, this.context)).instance;
    };
    const { log, retry } = queue;
    return createFix(fix, { instance, load, plugins, clock: systemClock, log, retry, random: Math.random });
  }
}

function contextOf({ log, retry }: OpenQueue, { name }: Instance) {
  return connectorContext(name, { clock: systemClock, log, retry, random: Math.random });
}

/** See `assertNoUnknownRuns`: of letters that are to go into the sink. */
async function assertNotReplayed(queue: OpenQueue, instance: Instance, first: FirstLetters): Promise<void> {
  if (first.all.size === 0) return;
  const committer = await instance.plugin.createCommitter!(instance.connectorConfig, contextOf(queue, instance));
  try {
    const { retry, topic: deadLetterTopic } = queue;
    await assertNoUnknownRuns(first, { committer, retry, deadLetterTopic, readLedger: () => queue.ledgerNow() });
  } finally {
    await committer.stop();
  }
}

/** The world of a queue, once it is our turn. The caller closes the producer. */
async function queueWorld(queue: OpenQueue, flags: ActFlags) {
  const { topic, kafka, log, retry, chosen, admin } = queue;
  const fetcher = () =>
    createFetcher({ settings: kafka.consumer, clock: systemClock, random: Math.random, log, memoryBytes: 64 << 20 });
  const say = (line: string) => flags.json ? undefined : console.error(line);
  const self = { host: hostname(), pid: Deno.pid };
  const wait = parseValue(option.durationMs({ doc: "", min: 0 }), flags.wait ?? "0");
  if ("why" in wait) throw new ConfigError([{ key: "--wait", value: flags.wait, why: wait.why }]);
  const readLedger = () => queue.ledgerNow();
  await awaitTurn({ read: readLedger, clock: systemClock, self, isAlive, waitMs: wait.value as number, say });
  const replication = chosen?.instance.values["errors.deadletterqueue.topic.replication.factor"] ?? 1;
  await retry(
    `create topic "${ledgerTopic(topic)}"`,
    () => admin.ensureTopic(ledgerTopic(topic), 1, replication, { "cleanup.policy": "compact" }),
  );
  const policy = await admin.topicConfig(ledgerTopic(topic), "cleanup.policy");
  if (policy !== null && policy !== "compact") {
    throw new FatalError(
      `Cannot use topic "${ledgerTopic(topic)}": its cleanup.policy is ${policy}, which forgets; wanted: compact`,
    );
  }
  const transactionalId = ledgerProducerId(topic);
  const producer = createTransactionalProducer({ settings: kafka.producer, transactionalId, retry });
  const world: QueueWorld = { deadLetterTopic: topic, admin, fetcher, producer, clock: systemClock, log };
  return { ...world, readLedger, self, say };
}

async function replayParts(
  queue: OpenQueue,
  instance: Instance,
  fixes: Fixes,
  flags: ReplayFlags,
): Promise<Omit<ReplayParts, "assertNew">> {
  const world = await queueWorld(queue, flags);
  const { values } = instance;
  const sinkParts = (fix: Fix): SinkParts => ({
    instance: fix.instance,
    stages: (targetSchema) => {
      const { clock, log, retry, random } = contextOf(queue, instance);
      return OfflineStages.load({
        instance: fix.instance,
        fix: fix.stage,
        clock,
        log,
        retry,
        random,
        fetch,
        targetSchema,
      });
    },
    changed: fix.changed,
    context: contextOf(queue, instance),
    memoryBytes: MEMORY_BYTES,
    limits: CHUNK,
  });
  return {
    ...world,
    letterOptions: {
      connector: instance.name,
      task: 0,
      clock: systemClock,
      headerBytesMax: values["errors.deadletterqueue.header.bytes.max"],
      recordBytesMax: queue.kafka.producer.requestBytesMax,
    },
    uuid: () => crypto.randomUUID(),
    execute: async (work: RunWork, selection) => {
      const holder = createProducer(queue.kafka.producer);
      const fix = await fixes.of(work.run.fix);
      try {
        await hold(work.run.id, { ...world, producer: holder }, async () => {
          const { target } = work.run;
          if (target.kind === "sink") return await SinkReplay.run(work, selection, sinkParts(fix));
          await replayToTopic(work, selection, {
            topic: target.topic,
            fixed: isNoFix(work.run.fix) ? null : (letters) => fix.records(letters),
            topicOf: (letter) => topicOf(letter, instance),
            limits: TOPIC_CHUNK,
          });
        });
      } finally {
        await holder.close();
      }
    },
    settle: async (work, selection) => {
      if (work.run.target.kind === "topic") return;
      await SinkReplay.settle(work, selection, sinkParts(await fixes.of(work.run.fix)));
    },
  };
}

/** By /proc, where there is one. */
async function isAlive(pid: number): Promise<boolean | null> {
  try {
    await Deno.stat("/proc/self");
  } catch {
    return null; // no such thing here
  }
  try {
    await Deno.stat(`/proc/${pid}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    return null;
  }
}

function parseTarget(words: readonly string[]): RunTarget {
  const [kind, topic = null] = words;
  if (kind === "sink" && words.length === 1) return { kind: "sink" };
  if (kind === "topic" && words.length <= 2) return { kind: "topic", topic };
  const why = "must be sink, topic (the one that each letter came from) or topic NAME";
  throw new ConfigError([{ key: "--to", value: words.join(" "), why }]);
}

function parseCount(key: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new ConfigError([{ key, value: text, why: "must be a whole number, at least 1" }]);
}

function resultJson({ before, run, fixed }: ReplayResult): string {
  const { superseded = 0, homeless = 0, overLimit = [] } = fixed ?? {};
  return JSON.stringify({ before, run, superseded, homeless, quarantined: overLimit.length });
}

function resultText({ before, run, fixed }: ReplayResult, topic: string): string {
  const lines: string[] = [];
  if (before) lines.push(`Run ${before.id} of before: ${countsText(before)}`);
  if (run) lines.push(`Run ${run.id}: ${countsText(run)}`);
  else if (fixed) lines.push(`No letter of ${topic} was chosen`);
  else if (!before) lines.push(`No run of ${topic} is unfinished`);
  if (fixed && fixed.superseded > 0) {
    lines.push(`${fixed.superseded} letters were left: their records are later letters, too`);
  }
  if (fixed && fixed.homeless > 0) {
    lines.push(
      `${fixed.homeless} letters were left: they do not say which topic they came from, and there are several`,
    );
  }
  if (fixed && fixed.overLimit.length > 0) {
    lines.push(`${fixed.overLimit.length} letters are quarantined: they were letters more often than --attempts-max`);
  }
  return lines.join("\n");
}

function countsText({ state, counts: { chosen, replayed, refused, quarantined } }: Run): string {
  const again = refused > 0
    ? `, ${refused} refused again${quarantined > 0 ? ` (${quarantined} quarantined)` : ""}`
    : "";
  return `${state}; ${chosen} chosen, ${replayed} replayed${again}`;
}
