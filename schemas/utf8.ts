/**
 * What is UTF-8 and what is not, for every format that copies text as bytes.
 *
 * @module
 */

/** Where `bytes[from, to)` stops being UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF), or -1. */
export function invalidUtf8(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to;) {
    const lead = bytes[i];
    if (lead < 0x80) {
      i++;
      continue;
    }
    const size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (size === 0 || i + size > to) return i;
    const second = bytes[i + 1];
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return i;
    for (let j = 2; j < size; j++) if ((bytes[i + j] & 0xc0) !== 0x80) return i;
    i += size;
  }
  return -1;
}
