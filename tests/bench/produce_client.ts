/**
 * Sends finished record batches to a broker: Produce version 7 over a plain connection, several requests in flight. For
 * the benchmark's own topics alone: no TLS, no login, no retries.
 *
 * @module
 */

const PRODUCE = 0, VERSION = 7; // Kafka 2.1 to 4
const IN_FLIGHT_MAX = 4;
const TIMEOUT_MS = 30_000;
const TEXT = new TextEncoder();

/** A connection to one broker. Requests are answered in their order. */
export class ProduceClient {
  readonly #waiting: { readonly what: string; resolve(): void; reject(error: Error): void }[] = [];
  readonly #pending = new Set<Promise<void>>();
  #failure: Error | null = null;
  #correlation = 0;

  private constructor(private readonly conn: Deno.TcpConn) {
    this.#read().catch((error) => this.#fail(error));
  }

  static async connect(address: { readonly host: string; readonly port: number }): Promise<ProduceClient> {
    return new ProduceClient(await Deno.connect({ hostname: address.host, port: address.port }));
  }

  /** Resolves when there is room for another request; throws what an earlier one failed with. */
  async send(topic: string, partition: number, batch: Uint8Array): Promise<void> {
    while (this.#pending.size >= IN_FLIGHT_MAX) await Promise.race(this.#pending);
    if (this.#failure) throw this.#failure;
    const answered = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ what: `${topic}-${partition}`, resolve, reject });
    });
    const pending = answered.catch((error) => this.#fail(error)).finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
    await this.#write(request(this.#correlation++, topic, partition, batch.length));
    await this.#write(batch);
  }

  /** Resolves when all is acknowledged. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending);
    if (this.#failure) throw this.#failure;
  }

  close(): void {
    this.conn.close();
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
  }

  async #read(): Promise<void> {
    for (;;) {
      const head = await this.#exactly(4);
      if (head === null) throw new Error("The broker ended the connection");
      const body = await this.#exactly(head.getInt32(0));
      if (body === null) throw new Error("The broker ended the connection");
      const { what, resolve, reject } = this.#waiting.shift()!;
      const code = errorCode(body);
      if (code === 0) resolve();
      else reject(new Error(`Cannot produce to ${what}: the broker answers with error code ${code}`));
    }
  }

  async #exactly(length: number): Promise<DataView | null> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const read = await this.conn.read(bytes.subarray(at)).catch((error) => {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return null; // closed
        throw error;
      });
      if (read === null) return null;
      at += read;
    }
    return new DataView(bytes.buffer);
  }
}

/** All of a request up to the batch. */
function request(correlation: number, topic: string, partition: number, batchBytes: number): Uint8Array {
  const client = TEXT.encode("bench"), name = TEXT.encode(topic);
  const bytes = new Uint8Array(50 + client.length + name.length - 6);
  const view = new DataView(bytes.buffer);
  let at = 4;
  const int16 = (value: number) => (view.setInt16(at, value), at += 2);
  const int32 = (value: number) => (view.setInt32(at, value), at += 4);
  const text = (value: Uint8Array) => (int16(value.length), bytes.set(value, at), at += value.length);
  int16(PRODUCE);
  int16(VERSION);
  int32(correlation);
  text(client);
  int16(-1); // no transaction
  int16(1); // acknowledged by the leader
  int32(TIMEOUT_MS);
  int32(1); // topics
  text(name);
  int32(1); // partitions
  int32(partition);
  int32(batchBytes);
  view.setInt32(0, at - 4 + batchBytes);
  return bytes.subarray(0, at);
}

function errorCode(answer: DataView): number {
  // Correlation id, one topic with its name, one partition with its number.
  const nameBytes = answer.getInt16(8);
  return answer.getInt16(10 + nameBytes + 4 + 4);
}
