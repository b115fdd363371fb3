/**
 * Our membership in the consumer group, by the classic protocol: the only one whose rejoin can be made to wait.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../api/clock.ts";
import { RetriableError } from "../api/errors.ts";
import type { Log } from "../api/log.ts";
import { type Offsets, partitionKey, type TopicPartition } from "../api/offsets.ts";
import { classify } from "./classify.ts";
import { clientOptions, forgetLostConnections } from "./client_options.ts";
import { GroupConsumer } from "./group_consumer.ts";
import { backoffMs } from "./reading.ts";
import type { ConsumerSettings } from "./settings.ts";
import type { KafkaAdmin, Membership, MembershipEvents, TopicDescription } from "./types.ts";
import { Wakeup } from "./wakeup.ts";

/** What a member needs. */
export interface MembershipOptions {
  readonly settings: ConsumerSettings;
  /** The group, `connect-<name>`. */
  readonly group: string;
  readonly topics: readonly string[] | RegExp;
  readonly admin: KafkaAdmin;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** A member that has not joined yet. */
export function createMembership(options: MembershipOptions): Membership {
  return new GroupMembership(options);
}

/** A JoinGroup waits for the slowest member: its answer may take the whole rebalance timeout. */
const JOIN_GRACE_MS = 10_000;
/** A coordinator that is just being made or loaded refuses a few times; that is no cause for alarm. */
const QUIET_FAILURES = 5;

class GroupMembership implements Membership {
  readonly #consumer: GroupConsumer;
  readonly #changed: Wakeup;
  #events: MembershipEvents | null = null;
  #topics: readonly TopicDescription[] = [];
  #owned = new Map<string, TopicPartition>();
  /** Counts joins and rejoins: an assignment of an older one is not told any more. */
  #generation = 0;
  /** True once an assignment was told: from then on the hook has something to give back. */
  #armed = false;
  /** The next rejoin is one that the group or we asked for, not the answer to a lost session. */
  #orderly = false;
  #givingBack: Promise<void> | null = null;
  #mustJoin = true;
  #closed = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(private readonly options: MembershipOptions) {
    const { settings, group, clock } = options;
    this.#changed = new Wakeup(clock);
    this.#consumer = new GroupConsumer(
      {
        ...clientOptions(settings),
        requestTimeout: Math.max(settings.requestTimeoutMs, settings.rebalanceTimeoutMs + JOIN_GRACE_MS),
        groupId: group,
        ...(settings.groupInstanceId ? { groupInstanceId: settings.groupInstanceId } : {}),
        sessionTimeout: settings.sessionTimeoutMs,
        rebalanceTimeout: Math.max(settings.rebalanceTimeoutMs, settings.sessionTimeoutMs),
        heartbeatInterval: settings.heartbeatIntervalMs,
        // Unanswered for this long, the session is over.
        heartbeatStallTimeout: settings.sessionTimeoutMs,
        autocommit: false,
        // Retrying is ours: the client's own would rejoin from within a commit, and so from within the hook.
        retries: 0,
        protocolsMetadata: async () => {
          await this.#giveBack();
          return Buffer.alloc(0);
        },
      },
      settings,
      clock,
    );
    forgetLostConnections(this.#consumer);
    this.#consumer.on("consumer:group:rebalance", () => this.#orderly = true);
    this.#consumer.on("consumer:group:join", ({ assignments }) => void this.#assigned(assignments ?? []));
    // The client gives up where a rejoin of its own fails.
    this.#consumer.on("error", (error: Error) => this.#rejoin("Rejoining the group failed; trying again", error));
    this.#consumer.on("consumer:heartbeat:stalled", () => {
      void this.#consumer.dropConnections(); // what hangs would hold up the join
      this.#rejoin("Heartbeats are not answered; joining anew");
    });
  }

  async join(events: MembershipEvents): Promise<void> {
    this.#events = events;
    await this.#joinOnce();
    this.#loop = this.#keep().catch((error) => {
      if (!this.#closed) events.onFailed(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async advance(offsets: Offsets): Promise<void> {
    const what = `Cannot advance the offsets of group "${this.options.group}"`;
    const ours = offsets.filter((o) => this.#owned.get(partitionKey(o))?.topicId === o.topicId);
    try {
      if (ours.length > 0) {
        await this.#consumer.commit({
          offsets: ours.map(({ topic, partition, offset }) => ({ topic, partition, offset, leaderEpoch: -1 })),
        });
      }
    } catch (error) {
      throw classify(error, what);
    }
    // The broker would take them: a late commit of ours could move back what the new owner has advanced.
    const others = offsets.filter((o) => !ours.includes(o)).map(partitionKey);
    if (others.length > 0) throw new RetriableError(`${what}: ${others.join(", ")} are not assigned to this worker`);
  }

  async leave(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#armed = false;
    this.#owned.clear();
    this.#changed.wake();
    try {
      await this.#consumer.end();
    } catch (error) {
      const { message } = classify(error, "Cannot leave the group");
      this.options.log.warn("Leaving the group failed; it forgets us after the session timeout", { error: message });
    }
    await this.#loop;
  }

  /** Joins again where it must, and looks for new topics and partitions meanwhile. */
  async #keep(): Promise<void> {
    while (!this.#closed) {
      if (!this.#mustJoin) await this.#changed.wait(this.options.settings.metadataMaxAgeMs);
      if (this.#closed) return;
      if (!this.#mustJoin && !(await this.#topicsChanged())) continue;
      if (this.#closed) return;
      await this.#joinOnce();
    }
  }

  /** Joins, however often it takes. Throws what cannot be retried. */
  async #joinOnce(): Promise<void> {
    for (let failures = 0; !this.#closed;) {
      try {
        this.#mustJoin = false;
        await this.#track();
        await this.#consumer.joinGroup({});
        return;
      } catch (cause) {
        if (this.#closed) return;
        const error = classify(cause, `Cannot join group "${this.options.group}"`);
        if (!(error instanceof RetriableError)) throw error;
        this.#mustJoin = true;
        failures++;
        const level = failures < QUIET_FAILURES ? "info" : "warn";
        this.options.log[level]("Joining the group failed; trying again", { error: error.message, failures });
        await this.#changed.wait(backoffMs(failures, this.options.random));
      }
    }
  }

  /** Subscribes to the topics that are there now. */
  async #track(): Promise<void> {
    const { admin, topics } = this.options;
    this.#topics = await admin.describeTopics(topics);
    if (this.#topics.length === 0) {
      const which = topics instanceof RegExp ? `No topic matches ${topics}` : `No topic of ${topics.join(", ")} exists`;
      throw new RetriableError(`${which}: create it, or change topics or topics.regex`);
    }
    const names = this.#topics.map(({ topic }) => topic);
    for (const name of this.#consumer.topics.current) if (!names.includes(name)) this.#consumer.topics.untrack(name);
    const known = this.#consumer.topics.current;
    this.#consumer.topics.trackAll(...names.filter((name) => !known.includes(name)));
  }

  async #topicsChanged(): Promise<boolean> {
    try {
      const now = await this.options.admin.describeTopics(this.options.topics);
      if (describe(now) === describe(this.#topics)) return false;
    } catch (error) {
      if (!(error instanceof RetriableError)) throw error;
      return false;
    }
    this.options.log.info("Topics or partitions have changed; joining the group anew");
    this.#orderly = true;
    return true;
  }

  #rejoin(message: string, error?: Error): void {
    if (this.#closed) return;
    this.options.log.warn(message, error ? { error: error.message } : {});
    this.#mustJoin = true;
    this.#changed.wake();
  }

  /** The hook before every JoinGroup; it also runs before the first, when there is nothing to give back. */
  #giveBack(): Promise<void> {
    this.#generation++;
    if (!this.#armed || !this.#events) return this.#givingBack ?? Promise.resolve();
    this.#armed = false;
    const orderly = this.#orderly;
    this.#orderly = false;
    if (!orderly) {
      this.#owned.clear();
      this.#events.onLost();
      return Promise.resolve();
    }
    const events = this.#events;
    this.#givingBack = (async () => {
      try {
        await events.onRevoking();
      } catch (error) {
        // What was not committed is read again by whoever gets it; a bug is told and ends the run.
        if (error instanceof RetriableError) this.options.log.warn("Giving back failed", { error: error.message });
        else events.onFailed(error instanceof Error ? error : new Error(String(error)));
      } finally {
        this.#owned.clear();
        this.#givingBack = null;
      }
    })();
    return this.#givingBack;
  }

  /** Tells the assignment once the ids of its topics are known. */
  async #assigned(assignments: readonly { readonly topic: string; readonly partitions: readonly number[] }[]) {
    const generation = ++this.#generation;
    const topics = assignments.map(({ topic }) => topic);
    for (let failures = 0; generation === this.#generation && !this.#closed;) {
      try {
        const found = topics.length === 0 ? [] : await this.options.admin.describeTopics(topics);
        if (generation !== this.#generation || this.#closed) return;
        const idOf = new Map(found.map(({ topic, topicId }) => [topic, topicId]));
        const partitions = assignments.flatMap(({ topic, partitions }) => {
          const topicId = idOf.get(topic);
          // It was deleted in this moment: the next look at the topics joins anew without it.
          return topicId === undefined ? [] : partitions.map((partition) => ({ topic, topicId, partition }));
        });
        this.#owned = new Map(partitions.map((partition) => [partitionKey(partition), partition]));
        this.#armed = true;
        this.#orderly = false;
        this.#events?.onAssigned(partitions);
        return;
      } catch (error) {
        if (!(error instanceof RetriableError)) {
          this.#events?.onFailed(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        await this.#changed.wait(backoffMs(++failures, this.options.random));
      }
    }
  }
}

function describe(topics: readonly TopicDescription[]): string {
  return topics.map(({ topic, topicId, partitions }) => `${topic} ${topicId} ${partitions}`).sort().join("\n");
}
