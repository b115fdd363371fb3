/**
 * Source text that reads varints from `B` at `p`, for every format that generates code. It does not look where the
 * payload ends: the caller does (`column_code.ts`).
 *
 * @module
 */

/** Reads up to 10 bytes to the 32 bit halves `lo` and `hi`; gives up at more than 64 bits. */
export function longCode(giveUp: string): string {
  const rest = [3, 10, 17, 24].map((shift) => `if (b > 127) { b = B[p++]; hi |= (b & 127) << ${shift};`).join("\n");
  return `b = B[p++]; lo = b & 127; hi = 0;
if (b > 127) { b = B[p++]; lo |= (b & 127) << 7;
if (b > 127) { b = B[p++]; lo |= (b & 127) << 14;
if (b > 127) { b = B[p++]; lo |= (b & 127) << 21;
if (b > 127) { b = B[p++]; lo |= b << 28; hi = (b & 127) >>> 4;
${rest}
if (b > 127) { b = B[p++]; if (b > 1) ${giveUp}; hi |= b << 31; } } } } } } } } }`;
}

/** Undoes the zigzag of `lo` and `hi`. */
export const UNZIGZAG = "s = -(lo & 1); lo = ((lo >>> 1) | (hi << 31)) ^ s; hi = (hi >>> 1) ^ s;";

/** Reads up to 4 bytes, 28 bits, to `x`; gives up at more. */
export function smallCode(giveUp: string): string {
  return `b = B[p++]; x = b & 127;
if (b > 127) { b = B[p++]; x |= (b & 127) << 7;
if (b > 127) { b = B[p++]; x |= (b & 127) << 14;
if (b > 127) { b = B[p++]; if (b > 127) ${giveUp}; x |= b << 21; } } }`;
}
