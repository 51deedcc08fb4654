/** FNV-1a, 64 bit: http://www.isthe.com/chongo/tech/comp/fnv/ (offset basis cbf29ce484222325, prime 2^40 + 0x1b3). */
const OFFSET_HIGH = 0xcbf29ce4;
const OFFSET_LOW = 0x84222325;
const PRIME_LOW = 0x1b3;
const WORD = 2 ** 32;

/** hash x prime, in two 32-bit words: every product stays below 2^42, which a double holds exactly. */
function multiply(high: number, low: number): readonly [number, number] {
  const lowProduct = low * PRIME_LOW;
  const carry = Math.floor(lowProduct / WORD);
  // 2^40 x low contributes low << 8 to the high word.
  const highProduct = high * PRIME_LOW + carry + ((low << 8) >>> 0);
  return [highProduct % WORD, lowProduct % WORD];
}

/**
 * Hash of a text, 16 hex digits. It tells two catalogs apart in a record and protects nothing, so it needs no
 * cryptography. Each UTF-16 unit is fed as two bytes, low byte first.
 */
export function contentHash(text: string): string {
  let high = OFFSET_HIGH;
  let low = OFFSET_LOW;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    [high, low] = multiply(high, (low ^ (unit & 0xff)) >>> 0);
    [high, low] = multiply(high, (low ^ (unit >>> 8)) >>> 0);
  }
  return hex(high) + hex(low);
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
