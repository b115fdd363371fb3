/**
 * How the bodies of pages are compressed.
 *
 * @module
 */
import { snappyCompress } from "hyparquet-writer/src/snappy.js";
import { constants, zstdCompressSync } from "node:zlib";

/** How pages are compressed; snappy is the one that the oldest readers know. */
export type ParquetCodec = "zstd" | "snappy" | "uncompressed";

/** Numbers of codecs (Parquet format, `CompressionCodec`). */
export const CODECS: Readonly<Record<ParquetCodec, number>> = { uncompressed: 0, snappy: 1, zstd: 6 };

/** Compresses bytes to about `expected`; the result may be a view of them or of a larger buffer. */
export type Compress = (bytes: Uint8Array, expected?: number) => Uint8Array;

/** Where nothing is expected. */
const EXPECTED_BYTES = 32 * 1024;

/** The function of a codec. */
export function compressor(codec: ParquetCodec, zstdLevel: number): Compress {
  if (codec === "uncompressed") return (bytes) => bytes;
  if (codec === "snappy") return snappyCompress;
  const params = { [constants.ZSTD_c_compressionLevel]: zstdLevel };
  return (bytes, expected = EXPECTED_BYTES) => {
    // The result is made in buffers of this size, which are garbage afterwards: one that is just large enough is best.
    const chunkSize = Math.min(expected + (expected >> 3), bytes.length + (bytes.length >> 8)) + 128;
    // Told the size, zstd chooses its tables for it: pages are small, and get smaller and faster by it.
    return zstdCompressSync(bytes, { params, chunkSize, pledgedSrcSize: bytes.length });
  };
}
