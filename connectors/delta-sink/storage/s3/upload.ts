/**
 * An object written piece by piece: one put where it stays small, else an upload in parts, several in flight. Pieces are
 * kept as they come, and copied only where several of them make one body.
 *
 * @module
 */
import { FatalError, RetriableError, type Retry } from "../../../../mod.ts";
import type { ObjectWriter } from "../storage.ts";
import type { S3Calls, UploadedPart } from "./calls.ts";

/** Parts of one object on their way at a time. */
const IN_FLIGHT_MAX = 3;
/** S3's limit. */
const PARTS_MAX = 10_000;

/** What a writer needs. */
export interface UploadParts {
  readonly calls: S3Calls;
  readonly key: string;
  readonly partBytes: number;
  /** Repeats what may pass: a part that failed can be sent again, while its writer waits. */
  readonly retry: Retry;
}

/** See the module's doc. */
export class S3Upload implements ObjectWriter {
  /** What was written and not sent: less than a part, or a whole one. */
  #pieces: Uint8Array[] = [];
  #filled = 0;
  #size = 0;
  #uploadId: string | null = null;
  #state: "open" | "closed" | "aborted" = "open";
  readonly #parts: UploadedPart[] = [];
  #sent = 0;
  readonly #inFlight = new Map<number, Promise<void>>();
  #inFlightBytes = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(private readonly options: UploadParts) {}

  /** What waits, and parts on their way. */
  get bufferedBytes(): number {
    return this.#filled + this.#inFlightBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertOpen("write to");
    const { partBytes } = this.options;
    for (let at = 0; at < chunk.length;) {
      if (this.#filled === partBytes) await this.#sendPart();
      const taken = Math.min(chunk.length - at, partBytes - this.#filled);
      this.#pieces.push(chunk.subarray(at, at + taken));
      this.#filled += taken;
      this.#size += taken;
      at += taken;
    }
  }

  async close(): Promise<number> {
    this.#assertOpen("close");
    const { calls, key, retry } = this.options;
    if (this.#uploadId === null) {
      const body = this.#takeBody();
      this.#inFlightBytes = body.length;
      await retry(`write "${key}"`, () => calls.put(key, body));
      this.#inFlightBytes = 0;
    } else {
      if (this.#filled > 0) await this.#sendPart();
      await Promise.all(this.#inFlight.values());
      this.#throwFailure();
      await retry(`complete the upload of "${key}"`, () => this.#complete(this.#uploadId!));
    }
    this.#state = "closed";
    return this.#size;
  }

  async abort(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "aborted";
    this.#pieces = [];
    this.#filled = 0;
    await Promise.all(this.#inFlight.values());
    if (this.#uploadId === null) return;
    try {
      await this.options.calls.abortUpload(this.options.key, this.#uploadId);
    } catch (error) {
      if (!(error instanceof RetriableError)) throw error; // storage is away: `check` ends the upload a day later
    }
  }

  async #sendPart(): Promise<void> {
    const { calls, key, retry, partBytes } = this.options;
    this.#uploadId ??= await retry(`begin the upload of "${key}"`, () => calls.createUpload(key));
    while (this.#inFlight.size >= IN_FLIGHT_MAX) await Promise.race(this.#inFlight.values());
    this.#throwFailure();
    const number = ++this.#sent;
    if (number > PARTS_MAX) {
      throw new FatalError(
        `Cannot write "${key}": it has more than ${PARTS_MAX} parts of ${partBytes} bytes. Raise s3.part.size.bytes, or ` +
          "lower file.bytes.max",
      );
    }
    const body = this.#takeBody();
    this.#inFlightBytes += body.length;
    this.#inFlight.set(number, this.#upload(this.#uploadId, number, body));
  }

  /** Never rejects: whoever waits next throws the failure. */
  async #upload(id: string, number: number, body: Uint8Array): Promise<void> {
    const { calls, key, retry } = this.options;
    const send = () => {
      if (this.#state === "aborted") throw new FatalError(`Cannot upload part ${number} of "${key}": it was aborted`);
      return calls.uploadPart(key, id, number, body);
    };
    try {
      this.#parts.push(await retry(`upload part ${number} of "${key}"`, send));
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#inFlight.delete(number);
      this.#inFlightBytes -= body.length;
    }
  }

  async #complete(id: string): Promise<void> {
    const { calls, key } = this.options;
    const parts = this.#parts.toSorted((a, b) => a.number - b.number);
    if (await calls.completeUpload(key, id, parts)) return;
    // An answer may have been lost: then the object is there, and its name is nobody else's.
    const found = await calls.head(key, key);
    if (found?.size === this.#size) return;
    throw new FatalError(
      `Cannot complete the upload of "${key}": the server does not know the upload, and the object has ` +
        `${found?.size ?? "no"} bytes, wanted ${this.#size}. A lifecycle rule may have aborted it`,
    );
  }

  /** All that waits, in one piece. */
  #takeBody(): Uint8Array {
    const pieces = this.#pieces;
    const size = this.#filled;
    this.#pieces = [];
    this.#filled = 0;
    if (pieces.length === 1) return pieces[0];
    const body = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    return body;
  }

  #assertOpen(verb: string): void {
    if (this.#state !== "open") throw new Error(`Cannot ${verb} "${this.options.key}": it is ${this.#state}`);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
