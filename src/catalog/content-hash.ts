/** FNV-1a, 64 bit: http://www.isthe.com/chongo/tech/comp/fnv/ (offset basis cbf29ce484222325, prime 2^40 + 0x1b3). */
const OFFSET_HIGH = 0xcbf29ce4;
const OFFSET_LOW = 0x84222325;
const PRIME_LOW = 0x1b3;

/**
 * Hash of a text, 16 hex digits. It tells two catalogs apart in a record and protects nothing, so it needs no
 * cryptography. Each UTF-16 unit is fed as two bytes, low byte first.
 */
export function contentHash(text: string): string {
  let high = OFFSET_HIGH;
  let low = OFFSET_LOW;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    for (let shift = 0; shift <= 8; shift += 8) {
      const mixed = (low ^ ((unit >>> shift) & 0xff)) >>> 0;
      // hash x prime, in two 32-bit words, 16 bits at a time: what the low half of a word carries, and then the word,
      // stays below 2^26. The 2^40 of the prime adds low << 8 to the high word.
      const half = ((mixed & 0xffff) * PRIME_LOW) >>> 16;
      const carry = ((mixed >>> 16) * PRIME_LOW + half) >>> 16;
      high = (Math.imul(high, PRIME_LOW) + carry + (mixed << 8)) >>> 0;
      low = Math.imul(mixed, PRIME_LOW) >>> 0;
    }
  }
  return hex(high) + hex(low);
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(word: number): string {
  let text = '';
  for (let shift = 24; shift >= 0; shift -= 8) text += HEX[(word >>> shift) & 0xff] ?? '';
  return text;
}
