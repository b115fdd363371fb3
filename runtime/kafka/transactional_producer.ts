/**
 * A producer whose records are there all at once or not at all, and that shuts out whoever used its id before (KIP-98).
 *
 * @module
 */
import type { CompressionAlgorithmValue, Producer } from "@platformatic/kafka";
import type { Buffer } from "node:buffer";
import { FatalError, RetriableError, type Retry } from "../api/mod.ts";
import { brokerErrors, classify } from "./classify.ts";
import { clientOptions, forgetLostConnections } from "./client_options.ts";
import { requests, toMessage } from "./producer.ts";
import type { ProducerSettings } from "./settings.ts";
import type { ProducerRecord, TransactionalProducer } from "./types.ts";

type Client = Producer<Buffer, Buffer, Buffer, Buffer>;

/** What it needs. */
export interface TransactionalProducerOptions {
  readonly settings: ProducerSettings;
  /** Who begins with it shuts out whoever did before. */
  readonly transactionalId: string;
  /** Repeats the beginning, while brokers still end what others have begun. */
  readonly retry: Retry;
}

/** How long the brokers let a transaction of ours be open before they end it themselves, ms. */
const TRANSACTION_TIMEOUT_MS = 60_000;
const SHUT_OUT = ["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED", "INVALID_TXN_STATE", "INVALID_PRODUCER_ID_MAPPING"];

/** A producer that connects with `begin`. */
export function createTransactionalProducer(options: TransactionalProducerOptions): TransactionalProducer {
  return new OneTransactionAtATime(options);
}

class OneTransactionAtATime implements TransactionalProducer {
  #client: Client | null = null;

  constructor(private readonly options: TransactionalProducerOptions) {}

  async begin(): Promise<void> {
    const { retry, transactionalId } = this.options;
    await retry(`begin as producer "${transactionalId}"`, async () => {
      await this.close();
      this.#client = await this.#create();
      try {
        const transaction = await this.#open(this.#client);
        await transaction.abort(); // there is no other way to be given an epoch: nothing is in it
      } catch (error) {
        const names = brokerErrors(error);
        const passes = names.includes("INVALID_TXN_STATE"); // an empty one need not be ended
        const what = `Cannot begin as producer "${transactionalId}"`;
        if (!passes && names.some((name) => SHUT_OUT.includes(name))) {
          throw new FatalError(`${what}: another process has begun with this id at the same time`, { cause: error });
        }
        if (!passes) throw classify(error, what);
        await this.#client.transaction?.cancel();
      }
    });
  }

  async transact(records: readonly ProducerRecord[]): Promise<void> {
    if (!this.#client) throw new Error("Cannot produce in a transaction: the producer has not begun");
    if (records.length === 0) return;
    const { transactionalId, settings } = this.options;
    const what = `Cannot produce ${records.length} records as "${transactionalId}"`;
    try {
      const transaction = await this.#open(this.#client);
      for (const some of requests(records, settings.requestBytesMax)) {
        await transaction.send({ messages: some.map(toMessage) });
      }
      await transaction.commit();
    } catch (error) {
      // Whether it was committed may be open: who begins anew finds out, and an open transaction ends with that.
      await this.close();
      if (brokerErrors(error).some((name) => SHUT_OUT.includes(name))) {
        throw new FatalError(`${what}: another process has begun with this id and goes on in our place`, {
          cause: error,
        });
      }
      const classified = classify(error, what);
      if (!(classified instanceof RetriableError)) throw classified;
      throw new FatalError(`${classified.message}; run the command again: it goes on where this one stopped`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.close(true).catch(() => {}); // nothing that was committed depends on its connections
  }

  /** The first one of a client makes it ours: the ids are to be new ones, -1 says so (KIP-360). */
  #open(client: Client) {
    return client.beginTransaction({ producerId: -1n, producerEpoch: -1 });
  }

  async #create(): Promise<Client> {
    const { settings, transactionalId } = this.options;
    const { Producer } = await import("@platformatic/kafka");
    const client = new Producer<Buffer, Buffer, Buffer, Buffer>({
      ...clientOptions(settings),
      idempotent: true,
      acks: -1,
      compression: settings.compression as CompressionAlgorithmValue,
      retries: 3,
      retryDelay: 200,
      timeout: TRANSACTION_TIMEOUT_MS,
      transactionalId,
    });
    forgetLostConnections(client);
    return client;
  }
}
