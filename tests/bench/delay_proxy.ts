/**
 * A proxy that makes a server far away: what goes to it arrives later by a time, in order and as fast as before. That is
 * what distance does, and what a slow answer does; a server with little bandwidth is something else.
 *
 * @module
 */
import { systemClock } from "../../runtime/clock.ts";

const PIECE_BYTES = 256 * 1024;
/** What may be on its way on one connection. */
const WAY_BYTES_MAX = 32 * 1024 * 1024;
const RECHECK_MS = 5;

/** In front of a port of 127.0.0.1; `delayMs` on the way there. */
export class DelayProxy implements Disposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();

  constructor(private readonly target: number, private readonly delayMs: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    void this.#accept();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const conn of this.#connections) this.#close(conn);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      this.#connections.add(client);
      client.setNoDelay();
      void this.#serve(client);
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn | null = null;
    try {
      server = await Deno.connect({ hostname: "127.0.0.1", port: this.target });
      this.#connections.add(server);
      server.setNoDelay();
      await Promise.race([this.#slowly(client, server), this.#atOnce(server, client)]);
    } catch (error) {
      if (!isHangUp(error)) throw error;
    } finally {
      this.#close(client);
      if (server) this.#close(server);
    }
  }

  /** Reads ahead; each piece is written when its time has come. */
  async #slowly(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const way: { readonly dueMs: number; readonly bytes: Uint8Array }[] = [];
    let wayBytes = 0, ended = false;
    let arrived = Promise.withResolvers<void>();
    const writing = (async () => {
      for (;;) {
        const piece = way.shift();
        if (piece) {
          const waitMs = piece.dueMs - systemClock.monotonic();
          if (waitMs > 0) await systemClock.sleep(waitMs);
          await writeAll(to, piece.bytes);
          wayBytes -= piece.bytes.length;
        } else if (ended) return;
        else {
          await arrived.promise;
          arrived = Promise.withResolvers<void>();
        }
      }
    })();
    writing.catch(() => this.#close(from)); // the read below ends by it
    for (;;) {
      while (wayBytes > WAY_BYTES_MAX) await systemClock.sleep(RECHECK_MS);
      const bytes = new Uint8Array(PIECE_BYTES);
      const count = await from.read(bytes);
      if (count === null) break;
      wayBytes += count;
      way.push({ dueMs: systemClock.monotonic() + this.delayMs, bytes: bytes.subarray(0, count) });
      arrived.resolve();
    }
    ended = true;
    arrived.resolve();
    await writing;
  }

  async #atOnce(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const bytes = new Uint8Array(PIECE_BYTES);
    for (let count = await from.read(bytes); count !== null; count = await from.read(bytes)) {
      await writeAll(to, bytes.subarray(0, count));
    }
  }

  #close(conn: Deno.TcpConn): void {
    if (!this.#connections.delete(conn)) return;
    conn.close();
  }
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

function isHangUp(error: unknown): boolean {
  return [
    Deno.errors.ConnectionReset,
    Deno.errors.ConnectionAborted,
    Deno.errors.ConnectionRefused,
    Deno.errors.BrokenPipe,
    Deno.errors.BadResource,
    Deno.errors.Interrupted,
  ].some((kind) => error instanceof kind);
}
