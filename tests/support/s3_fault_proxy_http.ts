/**
 * HTTP/1.1 as a proxy needs it: heads are read, bodies pass as the bytes that are on the wire, never held in memory.
 *
 * @module
 */

/** How a message says where its body ends. */
export type Framing = "none" | "chunked" | "until-close" | { readonly length: number };

/** The first lines of a request or an answer. */
export interface Head {
  /** As it came, with the empty line: to be passed on without a change, since the request's signature covers it. */
  readonly raw: Uint8Array;
  readonly startLine: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

const HEAD_BYTES_MAX = 64 * 1024;
const READ_BYTES = 64 * 1024;

/** The other side went away in the middle of a message. */
export class CutShort extends Error {
  override name = "CutShort";
}

/** Reads messages from a connection. */
export class HttpReader {
  #left = new Uint8Array(0);

  constructor(private readonly conn: Deno.Conn) {}

  /** The next head; null where the other side has ended the connection. */
  async head(): Promise<Head | null> {
    let end: number;
    while ((end = endOfHead(this.#left)) < 0) {
      if (this.#left.length > HEAD_BYTES_MAX) throw new Error(`A head of more than ${HEAD_BYTES_MAX} bytes`);
      const more = await this.#read();
      if (more === null && this.#left.length > 0) throw new CutShort("a head was cut short");
      if (more === null) return null;
      this.#left = joined(this.#left, more);
    }
    const raw = this.#left.slice(0, end);
    this.#left = this.#left.slice(end);
    const [startLine, ...lines] = new TextDecoder().decode(raw).trimEnd().split("\r\n");
    const headers = new Map(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    return { raw, startLine, headers };
  }

  /** The bytes of the body as they come. */
  async *body(framing: Framing): AsyncGenerator<Uint8Array> {
    if (framing === "none") return;
    if (framing === "chunked") return yield* this.#chunks();
    if (framing !== "until-close") return yield* this.#exactly(framing.length);
    for (let part = await this.#some(); part !== null; part = await this.#some()) yield part;
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const line = await this.#line();
      yield line;
      const size = parseInt(new TextDecoder().decode(line), 16);
      if (Number.isNaN(size)) throw new Error("A chunk without a size");
      if (size > 0) yield* this.#exactly(size + 2);
      else break;
    }
    for (;;) { // trailers, to the empty line
      const line = await this.#line();
      yield line;
      if (line.length === 2) return;
    }
  }

  async *#exactly(length: number): AsyncGenerator<Uint8Array> {
    for (let missing = length; missing > 0;) {
      const part = await this.#some();
      if (part === null) throw new CutShort(`a body was cut short, ${missing} bytes are missing`);
      if (part.length > missing) this.#left = part.slice(missing);
      yield part.subarray(0, missing);
      missing -= Math.min(missing, part.length);
    }
  }

  async #line(): Promise<Uint8Array> {
    for (;;) {
      const end = this.#left.indexOf(10);
      if (end >= 0) {
        const line = this.#left.slice(0, end + 1);
        this.#left = this.#left.slice(end + 1);
        return line;
      }
      const more = await this.#read();
      if (more === null) throw new CutShort("a chunked body was cut short");
      this.#left = joined(this.#left, more);
    }
  }

  /** What was read already, or the next bytes. */
  async #some(): Promise<Uint8Array | null> {
    if (this.#left.length === 0) return await this.#read();
    const left = this.#left;
    this.#left = new Uint8Array(0);
    return left;
  }

  async #read(): Promise<Uint8Array | null> {
    const buffer = new Uint8Array(READ_BYTES);
    const length = await this.conn.read(buffer);
    return length === null ? null : buffer.subarray(0, length);
  }
}

/** Where the body of a request ends. */
export function requestFraming({ headers }: Head): Framing {
  if (/chunked/i.test(headers.get("transfer-encoding") ?? "")) return "chunked";
  const length = Number(headers.get("content-length") ?? 0);
  return length > 0 ? { length } : "none";
}

/** Where the body of an answer to `method` ends. */
export function answerFraming(head: Head, method: string): Framing {
  const status = statusOf(head);
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return "none";
  if (/chunked/i.test(head.headers.get("transfer-encoding") ?? "")) return "chunked";
  const length = head.headers.get("content-length");
  if (length === undefined) return "until-close";
  return Number(length) > 0 ? { length: Number(length) } : "none";
}

export function statusOf({ startLine }: Head): number {
  return Number(startLine.split(" ")[1]);
}

/** Writes all of it. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Closes; one that the other side or a stop has closed is fine. */
export function closeQuietly(conn: { close(): void }): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Whether it means no more than that the other side, or a stop of ours, ended the connection. */
export function isHangUp(error: unknown): boolean {
  return error instanceof CutShort || [
    Deno.errors.BadResource,
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionAborted,
    Deno.errors.ConnectionRefused,
    Deno.errors.ConnectionReset,
    Deno.errors.Interrupted,
    Deno.errors.NotConnected,
    Deno.errors.UnexpectedEof,
  ].some((kind) => error instanceof kind);
}

function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(13); at >= 0 && at + 3 < bytes.length; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return -1;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
