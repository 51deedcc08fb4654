/**
 * FNV-1a, 64 bits, over UTF-16 code units, as 16 hex digits. For telling contents apart (catalog versions, author
 * inputs, cache keys), never for security. Plain arithmetic in two halves, because this runs where `node:` does not.
 * Constants: http://www.isthe.com/chongo/tech/comp/fnv/ (offset basis cbf29ce484222325, prime 100000001b3).
 */
const OFFSET_HIGH = 0xcbf29ce4;
const OFFSET_LOW = 0x84222325;
/** The prime is 2^40 + 0x1b3: multiplying the low half by 0x1b3 carries, and 2^40 shifts it into the high half. */
const PRIME_LOW = 0x1b3;

export function digest(text: string): string {
  let high = OFFSET_HIGH;
  let low = OFFSET_LOW;
  for (let index = 0; index < text.length; index += 1) {
    low = (low ^ text.charCodeAt(index)) >>> 0;
    const product = low * PRIME_LOW;
    const carry = Math.floor(product / 0x1_0000_0000);
    high = (Math.imul(high, PRIME_LOW) + carry + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  return hex(high) + hex(low);
}

function hex(half: number): string {
  return half.toString(16).padStart(8, '0');
}
