/**
 * A proxy in front of an S3 server that makes go wrong what goes wrong on a network: see `S3_FAULTS`. Requests pass
 * unchanged, Host header included, since their signatures cover it. Bodies pass as they come.
 *
 * @module
 */
import { systemClock } from "../../runtime/clock.ts";
import { type Answer, drain, type Exchange, nothing, refuse, tear } from "./s3_fault_proxy_answers.ts";
import {
  answerFraming,
  closeQuietly,
  HttpReader,
  isHangUp,
  requestFraming,
  statusOf,
  writeAll,
} from "./s3_fault_proxy_http.ts";
import {
  NO_FAULTS,
  operationOf,
  type S3Fault,
  type S3Operation,
  type S3Plan,
  type S3Request,
} from "./s3_fault_proxy_plan.ts";

export * from "./s3_fault_proxy_plan.ts";

/** How long things take, ms. */
export interface FaultTimes {
  /** Until a connection without an answer ends. */
  readonly holdMs: number;
  /** Until a late request arrives. */
  readonly lateMs: number;
  readonly slowMs: number;
  readonly awayMs: number;
}

/** A request that was handled, and what became of it. */
export interface HandledRequest extends S3Request {
  readonly fault: S3Fault | null;
}

const TIMES: FaultTimes = { holdMs: 300, lateMs: 200, slowMs: 200, awayMs: 1000 };
/** The last requests that are remembered. */
const HISTORY_MAX = 20_000;
/** Ports below those that the system hands out, so that nobody takes ours while we are away. */
const PORTS = { from: 22_000, count: 9_000 };

/** See the module's doc. */
export class S3FaultProxy implements AsyncDisposable {
  readonly port: number;
  /** May be replaced at any moment. */
  plan: S3Plan;
  times: FaultTimes;
  /** Faults that came to be, by kind. */
  readonly faults = new Map<S3Fault, number>();
  /** The last requests, in order. */
  readonly history: HandledRequest[] = [];
  requests = 0;
  readonly #byOperation = new Map<S3Operation, number>();
  readonly #target: number;
  readonly #connections = new Set<Deno.Conn>();
  readonly #working = new Set<Promise<void>>();
  readonly #watchers = new Set<(request: S3Request) => void>();
  #listener: Deno.TcpListener | null;
  #isStopped = false;

  private constructor(target: number, listener: Deno.TcpListener, plan: S3Plan, times: Partial<FaultTimes>) {
    this.#target = target;
    this.#listener = listener;
    this.port = (listener.addr as Deno.NetAddr).port;
    this.plan = plan;
    this.times = { ...TIMES, ...times };
    this.#accept(listener);
  }

  /** In front of the server on a port of 127.0.0.1. */
  static start(
    { target, plan = NO_FAULTS, times = {} }: { target: number; plan?: S3Plan; times?: Partial<FaultTimes> },
  ): S3FaultProxy {
    for (;;) {
      const port = PORTS.from + crypto.getRandomValues(new Uint32Array(1))[0] % PORTS.count;
      try {
        return new S3FaultProxy(target, Deno.listen({ hostname: "127.0.0.1", port }), plan, times);
      } catch (error) {
        if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      }
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many faults there were. */
  get faultCount(): number {
    return this.faults.values().reduce((sum, count) => sum + count, 0);
  }

  /** Forgets what was, and counts from 1 again. Requests under way still end. */
  begin(plan: S3Plan): void {
    this.plan = plan;
    this.faults.clear();
    this.history.length = 0;
    this.requests = 0;
    this.#byOperation.clear();
  }

  /** Resolves once no request is under way, late ones included. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.allSettled(this.#working);
  }

  /** Resolves once connections are accepted: at once, unless it is away. */
  async back(): Promise<void> {
    while (this.#listener === null && !this.#isStopped) await systemClock.sleep(5);
  }

  /** The next request that fits, as it comes in; null where none does in time. */
  async next(fits: (request: S3Request) => boolean, timeoutMs: number): Promise<S3Request | null> {
    const waiting = new AbortController();
    const found = Promise.withResolvers<S3Request>();
    const watcher = (request: S3Request) => {
      if (fits(request)) found.resolve(request);
    };
    this.#watchers.add(watcher);
    try {
      return await Promise.race([found.promise, systemClock.sleep(timeoutMs, waiting.signal).then(() => null)]);
    } finally {
      this.#watchers.delete(watcher);
      waiting.abort();
    }
  }

  /** Ends all connections and refuses new ones for a while. */
  goAway(ms: number): void {
    if (this.#listener === null || this.#isStopped) return;
    closeQuietly(this.#listener);
    this.#listener = null;
    for (const conn of this.#connections) closeQuietly(conn);
    this.#track((async () => {
      await systemClock.sleep(ms);
      while (!this.#isStopped) {
        try {
          this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
          this.#accept(this.#listener);
          return;
        } catch (error) {
          if (!(error instanceof Deno.errors.AddrInUse)) throw error;
          await systemClock.sleep(20); // what used it is about to be gone
        }
      }
    })());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    if (this.#listener) closeQuietly(this.#listener);
    for (const conn of this.#connections) closeQuietly(conn);
    await this.settled();
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    for await (const client of listener) {
      this.#connections.add(client);
      client.setNoDelay(); // head and body are written apart
      this.#serve(client).catch((error) => {
        if (!isHangUp(error)) throw error;
      }).finally(() => {
        this.#connections.delete(client);
        closeQuietly(client);
      });
    }
  }

  /** The requests of a connection, one after the other. */
  async #serve(client: Deno.Conn): Promise<void> {
    const reader = new HttpReader(client);
    for (let head = await reader.head(); head !== null; head = await reader.head()) {
      const { operation, method, path } = operationOf(head);
      const nth = (this.#byOperation.get(operation) ?? 0) + 1;
      this.#byOperation.set(operation, nth);
      const request: S3Request = { index: ++this.requests, operation, nth, method, path };
      const fault = this.plan(request);
      if (fault) this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
      this.history.push({ ...request, fault });
      if (this.history.length > HISTORY_MAX) this.history.splice(0, HISTORY_MAX / 2);
      for (const watcher of this.#watchers) watcher(request);
      const work = this.#answer({ client, reader, head, request }, fault);
      this.#track(work.then(() => {}, () => {})); // whoever serves the connection sees the failure
      if (!(await work)) return;
    }
  }

  #track(work: Promise<void>): void {
    this.#working.add(work);
    work.finally(() => this.#working.delete(work));
  }

  /** Tells whether the connection can be used on. */
  async #answer(exchange: Exchange, fault: S3Fault | null): Promise<boolean> {
    const { client } = exchange;
    const { holdMs, slowMs, lateMs, awayMs } = this.times;
    switch (fault) {
      case "slow-down-before":
        return await refuse(exchange, 503, "SlowDown");
      case "error-before":
        return await refuse(exchange, 500, "InternalError");
      case "timeout-before":
        await systemClock.sleep(holdMs);
        return false;
      case "drop-before":
        return false;
      case "away":
        this.goAway(awayMs);
        return false;
      case "drop-mid-body":
        await this.#sendHalf(exchange);
        return false;
      case "late":
        await this.#sendLate(exchange, lateMs);
        return false;
      case "slow":
        await systemClock.sleep(slowMs);
        return await this.#pass(exchange, slowMs / 8);
      case null:
        return await this.#pass(exchange, 0);
    }
    const answer = await this.#send(exchange, exchange.reader.body(requestFraming(exchange.head)));
    try {
      if (fault === "torn" || fault === "torn-chunked" || fault === "cut") {
        await tear(client, answer, exchange.request.method, fault);
        return false;
      }
      await drain(answer.reader.body(answerFraming(answer.head, exchange.request.method)));
    } finally {
      closeQuietly(answer.conn);
    }
    if (fault === "timeout-after") await systemClock.sleep(holdMs);
    if (fault === "slow-down-after") return await refuse(exchange, 503, "SlowDown", true);
    if (fault === "error-after") return await refuse(exchange, 500, "InternalError", true);
    return false;
  }

  /** There and back, as it should be; `pieceMs`: between the pieces of the answer. */
  async #pass(exchange: Exchange, pieceMs: number): Promise<boolean> {
    const { client, reader, head, request } = exchange;
    const answer = await this.#send(exchange, reader.body(requestFraming(head)));
    try {
      const framing = answerFraming(answer.head, request.method);
      await writeAll(client, answer.head.raw);
      for await (const part of answer.reader.body(framing)) {
        const size = pieceMs > 0 ? Math.max(1, Math.ceil(part.length / 4)) : part.length;
        for (let at = 0; at < part.length; at += size) {
          if (pieceMs > 0) await systemClock.sleep(pieceMs);
          await writeAll(client, part.subarray(at, at + size));
        }
      }
      return framing !== "until-close" && answer.isSent() && answer.head.headers.get("connection") !== "close";
    } finally {
      closeQuietly(answer.conn);
    }
  }

  /** Sends a request on; returns once the head of its answer is there. */
  async #send({ client, head }: Exchange, body: AsyncIterable<Uint8Array>): Promise<Answer> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
    conn.setNoDelay();
    let sent = false;
    try {
      await writeAll(conn, head.raw);
      const sending = (async () => {
        for await (const part of body) await writeAll(conn, part);
        sent = true;
      })();
      // Where the client is gone the server must not wait for the rest.
      sending.catch(() => closeQuietly(conn));
      const reader = new HttpReader(conn);
      for (;;) {
        const answer = await reader.head();
        if (answer === null) throw new Deno.errors.ConnectionReset("the server ended the connection");
        if (statusOf(answer) >= 200) return { conn, reader, head: answer, isSent: () => sent };
        await writeAll(client, answer.raw); // 100 Continue: the client now sends the body
      }
    } catch (error) {
      closeQuietly(conn);
      throw error;
    }
  }

  async #sendHalf(exchange: Exchange): Promise<void> {
    const { head, reader } = exchange;
    const framing = requestFraming(head);
    if (framing === "none") return;
    const half = typeof framing === "object" ? Math.floor(framing.length / 2) : 1;
    async function* firstHalf() {
      let count = 0;
      for await (const part of reader.body(framing)) {
        if (count + part.length >= half) {
          yield part.subarray(0, half - count);
          throw new Deno.errors.ConnectionReset("in the middle of the body"); // closes the connection to the server
        }
        yield part;
        count += part.length;
      }
    }
    const answer = await this.#send(exchange, firstHalf());
    closeQuietly(answer.conn);
  }

  /** All but the last byte, which comes late: the client is long gone by then. */
  async #sendLate(exchange: Exchange, lateMs: number): Promise<void> {
    const { client, reader, head } = exchange;
    const isPlain = requestFraming(head) === "none";
    async function* held() {
      let last: Uint8Array | null = null;
      for await (const part of reader.body(requestFraming(head))) {
        if (last) yield last;
        yield part.subarray(0, -1);
        last = part.slice(-1);
      }
      closeQuietly(client);
      await systemClock.sleep(lateMs);
      if (last) yield last;
    }
    if (isPlain) {
      closeQuietly(client);
      await systemClock.sleep(lateMs);
    }
    const answer = await this.#send(exchange, isPlain ? nothing() : held());
    try {
      await drain(answer.reader.body(answerFraming(answer.head, exchange.request.method)));
    } finally {
      closeQuietly(answer.conn);
    }
  }
}
