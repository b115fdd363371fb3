/**
 * xxHash64 with seed 0 (the xxHash specification), which bloom filters hash values with: in halves of 32 bits, since
 * BigInts take ten times as long.
 *
 * @module
 */

/** The halves of a hash, high and low. */
export interface Halves {
  high: number;
  low: number;
}

// The primes' halves.
const P1H = 0x9e3779b1 | 0, P1L = 0x85ebca87 | 0;
const P2H = 0xc2b2ae3d | 0, P2L = 0x27d4eb4f | 0;
const P3H = 0x165667b1 | 0, P3L = 0x9e3779f9 | 0;
const P4H = 0x85ebca77 | 0, P4L = 0xc2b2ae63 | 0;
const P5H = 0x27d4eb2f | 0, P5L = 0x165667c5 | 0;

/** What the functions below leave: the halves of a 64 bit result. */
let high = 0;
let low = 0;
/** The four sums of inputs of 32 bytes and more. */
const sums = new Int32Array(8);
const ROTATIONS = Int32Array.of(1, 7, 12, 18);

/** The hash of the bytes from `start` to `end`, in `out`. */
export function xxhash64(view: DataView, start: number, end: number, out: Halves): void {
  let at = start;
  if (end - start >= 32) at = stripes(view, start, end);
  else {
    high = P5H;
    low = P5L;
  }
  add(0, end - start);
  for (; at + 8 <= end; at += 8) {
    const h = high, l = low;
    round(0, 0, view.getInt32(at + 4, true), view.getInt32(at, true));
    rotate(high ^ h, low ^ l, 27);
    multiply(high, low, P1H, P1L);
    add(P4H, P4L);
  }
  if (at + 4 <= end) {
    const h = high, l = low;
    multiply(0, view.getInt32(at, true), P1H, P1L);
    rotate(high ^ h, low ^ l, 23);
    multiply(high, low, P2H, P2L);
    add(P3H, P3L);
    at += 4;
  }
  for (; at < end; at++) {
    const h = high, l = low;
    multiply(0, view.getUint8(at), P5H, P5L);
    rotate(high ^ h, low ^ l, 11);
    multiply(high, low, P1H, P1L);
  }
  low ^= high >>> 1; // the hash shifted right by 33
  multiply(high, low, P2H, P2L);
  low ^= (low >>> 29) | (high << 3);
  high ^= high >>> 29;
  multiply(high, low, P3H, P3L);
  out.high = high;
  out.low = low ^ high;
}

/** The whole stripes of 32 bytes; returns where they end. */
function stripes(view: DataView, start: number, end: number): number {
  high = P1H;
  low = P1L;
  add(P2H, P2L);
  sums[0] = high;
  sums[1] = low;
  sums[2] = P2H;
  sums[3] = P2L;
  sums[4] = sums[5] = 0;
  sums[6] = ~P1H; // of -PRIME_1
  sums[7] = -P1L;
  let at = start;
  for (; at + 32 <= end; at += 32) {
    for (let s = 0; s < 4; s++) {
      round(sums[2 * s], sums[2 * s + 1], view.getInt32(at + 8 * s + 4, true), view.getInt32(at + 8 * s, true));
      sums[2 * s] = high;
      sums[2 * s + 1] = low;
    }
  }
  let h = 0, l = 0;
  for (let s = 0; s < 4; s++) {
    rotate(sums[2 * s], sums[2 * s + 1], ROTATIONS[s]);
    add(h, l);
    h = high;
    l = low;
  }
  for (let s = 0; s < 4; s++) {
    round(0, 0, sums[2 * s], sums[2 * s + 1]);
    multiply(high ^ h, low ^ l, P1H, P1L);
    add(P4H, P4L);
    h = high;
    l = low;
  }
  return at;
}

function round(sumHigh: number, sumLow: number, inputHigh: number, inputLow: number): void {
  multiply(inputHigh, inputLow, P2H, P2L);
  add(sumHigh, sumLow);
  rotate(high, low, 31);
  multiply(high, low, P1H, P1L);
}

function add(h: number, l: number): void {
  const sum = (low >>> 0) + (l >>> 0);
  high = (high + h + (sum > 0xffffffff ? 1 : 0)) | 0;
  low = sum | 0;
}

/** To the left, by 1 to 31 bits. */
function rotate(h: number, l: number, bits: number): void {
  high = (h << bits) | (l >>> (32 - bits));
  low = (l << bits) | (h >>> (32 - bits));
}

function multiply(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const a0 = aLow & 0xffff, a1 = aLow >>> 16, b0 = bLow & 0xffff, b1 = bLow >>> 16;
  const p01 = Math.imul(a0, b1), p10 = Math.imul(a1, b0);
  const middle = (Math.imul(a0, b0) >>> 16) + (p01 & 0xffff) + (p10 & 0xffff);
  const carried = Math.imul(a1, b1) + (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16);
  high = (carried + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) | 0;
  low = Math.imul(aLow, bLow);
}
