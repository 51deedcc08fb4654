/**
 * Branded integers. A size is an integer of bytes and a context is an integer of tokens from the door
 * to the edge; the two cannot be mixed, and neither can be made except by a checked constructor.
 */
declare const bytesBrand: unique symbol;
declare const tokensBrand: unique symbol;

/** A non-negative safe integer of bytes. */
export type Bytes = number & { readonly [bytesBrand]: 'bytes' };
/** A non-negative safe integer of tokens. */
export type Tokens = number & { readonly [tokensBrand]: 'tokens' };

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
/** Decimal gigabyte. Never a GiB: 7 % apart, which is an H100 that fits and one that does not. */
export const GB = 1_000_000_000;

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isBytes(value: number): value is Bytes {
  return isCount(value);
}

function isTokens(value: number): value is Tokens {
  return isCount(value);
}

/** @throws RangeError when `value` is not a non-negative safe integer: our own arithmetic is wrong. */
export function bytes(value: number): Bytes {
  if (isBytes(value)) return value;
  throw new RangeError(`not a size in bytes: ${value}`);
}

/** @throws RangeError when `value` is not a non-negative safe integer. */
export function tokens(value: number): Tokens {
  if (isTokens(value)) return value;
  throw new RangeError(`not a number of tokens: ${value}`);
}

/** GiB, possibly fractional as a log prints it, to bytes (rounded to the nearest byte). */
export function gibibytes(value: number): Bytes {
  return bytes(Math.round(value * GIB));
}

/** MiB to bytes. */
export function mebibytes(value: number): Bytes {
  return bytes(Math.round(value * MIB));
}

export function addBytes(...parts: readonly Bytes[]): Bytes {
  return bytes(parts.reduce((sum, part) => sum + part, 0));
}

/** Integer division rounding up. */
export function ceilDiv(numerator: number, denominator: number): number {
  return Math.ceil(numerator / denominator);
}

/** `79.1 GiB`. For people only; nothing parses it again. */
export function formatGib(value: number, digits = 1): string {
  const isWhole = Number.isInteger(value) && value >= 0 && value < MOST_TENTHS;
  return `${isWhole && digits === 1 ? inTenths(value) : (value / GIB).toFixed(digits)} GiB`;
}

/** Ten times as many bytes are a whole double still. */
const MOST_TENTHS = 2 ** 49;

/** What toFixed(1) gives, which takes a microsecond: 2^30 is a shift, so every step is exact, and a half goes up. */
function inTenths(value: number): string {
  const tenths = Math.floor((value * 10) / GIB + 0.5);
  const whole = Math.floor(tenths / 10);
  return `${whole}.${tenths - whole * 10}`;
}

/** `1,048,576`. Whole numbers: a bill writes dozens of them. */
export function formatCount(value: number): string {
  const digits = String(value);
  let text = digits.slice(-3);
  for (let end = digits.length - 3; end > 0; end -= 3)
    text = `${digits.slice(Math.max(0, end - 3), end)},${text}`;
  return text;
}
