/**
 * Kafka record batches (v2) as a producer would send them, made straight from the encoder's bytes.
 *
 * @module
 */
import { zstdCompressSync } from "node:zlib";
import { crc32c } from "../../runtime/kafka/crc32c.ts";
import { ByteWriter } from "./byte_writer.ts";

/** How the records of a batch are compressed. */
export type Compression = "none" | "zstd";

/** All of them. */
export const COMPRESSIONS: readonly Compression[] = ["none", "zstd"];

const HEADER_BYTES = 61;
/** What guards a batch covers it from here on. */
const CRC_FROM = 21;
const ZSTD = 4;

/** Gathers the records of one batch. */
export class BatchBuilder {
  readonly #records = new ByteWriter(1024 * 1024);
  readonly #body = new ByteWriter(4096);
  count = 0;

  /** Bytes of the records so far. */
  get length(): number {
    return this.#records.length;
  }

  /** Takes a record whose value is what `write` appends. */
  add(key: string, write: (to: ByteWriter) => void): void {
    const body = this.#body;
    const records = this.#records;
    body.length = 0;
    write(body);
    const value = body.bytes;
    const start = records.length;
    records.byte(0); // attributes
    records.byte(0); // the first record's timestamp
    records.zigzag(this.count++);
    records.sizedText(key, "zigzag");
    records.zigzag(value.length);
    records.raw(value);
    records.byte(0); // no headers
    records.putSizeBefore(start, "zigzag");
  }

  /** The batch, and begins the next. */
  finish(compression: Compression, timestampMs: number): Uint8Array<ArrayBuffer> {
    const records = this.#records.bytes;
    const body = compression === "zstd" ? zstdCompressSync(records) : records;
    const bytes = new Uint8Array(HEADER_BYTES + body.length);
    const view = new DataView(bytes.buffer);
    view.setInt32(8, bytes.length - 12);
    view.setInt32(12, -1); // the leader's epoch: the broker's to fill in
    view.setInt8(16, 2); // magic
    view.setInt16(21, compression === "zstd" ? ZSTD : 0);
    view.setInt32(23, this.count - 1);
    view.setBigInt64(27, BigInt(timestampMs));
    view.setBigInt64(35, BigInt(timestampMs));
    view.setBigInt64(43, -1n); // no producer id
    view.setInt16(51, -1);
    view.setInt32(53, -1);
    view.setInt32(57, this.count);
    bytes.set(body, HEADER_BYTES);
    view.setUint32(17, crc32c(bytes, CRC_FROM));
    this.count = 0;
    this.#records.length = 0;
    return bytes;
  }
}
