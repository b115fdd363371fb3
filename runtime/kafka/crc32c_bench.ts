/** The checksum of batches as brokers keep them; 1 GB/s is 1 ns a byte: `deno bench` this file. */
import { crc32c } from "./crc32c.ts";

const bytes = new Uint8Array(2 * 1024 * 1024).map((_, i) => Math.imul(i, 2654435761) >>> 24);

for (
  const [name, size] of [["1 KiB", 1024], ["16 KiB", 16 << 10], ["100 KiB", 100 << 10], ["1 MiB", 1 << 20]] as const
) {
  let at = 0;
  Deno.bench(`crc32c of ${name}`, () => {
    at = (at + 61) & 0xfffff;
    crc32c(bytes, at, at + size);
  });
}
