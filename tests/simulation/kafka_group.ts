/**
 * A consumer group in memory. A rebalance asks every member to let go, waits for the answers (at most the session
 * timeout), and deals the partitions anew. A zombie is a member that the group has dropped and that does not know.
 *
 * @module
 */
import { type Offsets, partitionKey, RetriableError, type TopicPartition } from "../../mod.ts";
import type { Membership, MembershipEvents } from "../../runtime/kafka/types.ts";
import type { Topics } from "./kafka_log.ts";
import type { Life } from "./life.ts";

interface Member {
  readonly life: Life;
  readonly events: MembershipEvents;
  assigned: boolean;
}

const SESSION_TIMEOUT_MS = 10_000;

/** See the module's doc. */
export class ConsumerGroup {
  readonly #members: Member[] = [];
  readonly #zombies: Member[] = [];
  #rebalancing: Promise<void> = Promise.resolve();
  /** What was advanced to, by `partitionKey` and topic id. */
  readonly offsets = new Map<string, bigint>();
  /** Told of every advance. */
  onAdvance: (offsets: Offsets) => void = () => {};

  constructor(private readonly topics: Topics, private readonly subscribed: readonly string[]) {}

  membershipOf(life: Life): Membership {
    return {
      join: (events) =>
        life.perform("kafka.join", life.name, () => {
          this.#members.push({ life, events, assigned: false });
          void this.rebalance();
        }),
      advance: (offsets) =>
        life.perform("kafka.advance", offsets.map(partitionKey).join(" "), () => {
          if (!this.#isKnown(life)) throw new RetriableError("Cannot advance: not a member");
          for (const offset of offsets) this.offsets.set(`${partitionKey(offset)}/${offset.topicId}`, offset.offset);
          this.onAdvance(offsets);
        }),
      leave: () =>
        life.perform("kafka.leave", life.name, () => {
          this.#remove(life);
          void this.rebalance();
        }),
    };
  }

  /** The member's session is over, and it does not know: it goes on with what it had. */
  expire(life: Life): void {
    const member = this.#members.find((member) => member.life === life);
    if (!member) return;
    this.#remove(life);
    this.#zombies.push(member);
    void this.rebalance();
  }

  /** The zombies learn that they are out, and join again. */
  async tellZombies(): Promise<void> {
    for (const zombie of this.#zombies.splice(0)) {
      await this.#reach(zombie, () => zombie.events.onLost());
      if (zombie.life.isDead) continue;
      this.#members.push({ ...zombie, assigned: false });
      void this.rebalance();
    }
  }

  /** Everybody lets go, and gets a new share. Rebalances run one after the other. */
  rebalance(): Promise<void> {
    this.#rebalancing = this.#rebalancing.then(() => this.#rebalance());
    return this.#rebalancing;
  }

  async #rebalance(): Promise<void> {
    const members = [...this.#members];
    await Promise.all(members.map(async (member) => {
      if (!member.assigned) return;
      await this.#reach(member, () => member.events.onRevoking());
    }));
    for (const member of [...this.#members]) if (member.life.isDead) this.#remove(member.life);
    const shares = this.#deal();
    this.#members.forEach((member, i) => {
      member.assigned = true;
      void this.#reach(member, () => member.events.onAssigned(shares[i]));
    });
  }

  #deal(): TopicPartition[][] {
    const shares: TopicPartition[][] = this.#members.map(() => []);
    if (shares.length === 0) return shares;
    const logs = this.subscribed.flatMap((name) => this.topics.get(name)?.partitions ?? []);
    logs.forEach(({ topic, topicId, partition }, i) => shares[i % shares.length].push({ topic, topicId, partition }));
    return shares;
  }

  /** Calls a member; gives up when its session is over. */
  async #reach(member: Member, call: () => void | Promise<void>): Promise<void> {
    const { time } = member.life;
    const work = member.life.running().then(call);
    await Promise.race([work, time.sleep(SESSION_TIMEOUT_MS)]);
  }

  #remove(life: Life): void {
    const at = this.#members.findIndex((member) => member.life === life);
    if (at >= 0) this.#members.splice(at, 1);
  }

  /** A late commit of a member that is out is taken, as brokers do. */
  #isKnown(life: Life): boolean {
    return [...this.#members, ...this.#zombies].some((member) => member.life === life);
  }
}
