/**
 * Kubernetes quantities, by the grammar of resource.Quantity (kubernetes/apimachinery
 * `pkg/api/resource/quantity.go`@357557a670d8): `<signedNumber><suffix>`, where a suffix is a binary one
 * (Ki … Ei), a decimal one (n u m k M G T P E) or a decimal exponent (`e3`, `E-3`). `1E` is exa, `1E3` a thousand.
 */
const GRAMMAR = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([numkMGTPE]?)|([KMGTPE])i|[eE]([+-]?\d{1,19}))$/;

const DECIMAL_EXPONENTS: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);

const BINARY_PREFIXES = 'KMGTPE';

/** `8`, `131072`: what the API server sends for nearly every count. */
const PLAIN = /^\d{1,15}$/;

export interface Quantity {
  /** Exact where it is a whole number below 2^53; the nearest double otherwise. */
  readonly value: number;
}

/** @returns null where the text is not a quantity. */
export function parseQuantity(text: string | number): Quantity | null {
  if (typeof text === 'number') return Number.isFinite(text) ? { value: text } : null;
  if (PLAIN.test(text)) return { value: Number(text) };
  return parseGeneral(text);
}

/**
 * A decimal literal is rounded once, by Number; a power of two only moves the exponent. Both keep whole
 * numbers exact, so no big integers are needed.
 */
function parseGeneral(text: string): Quantity | null {
  const [match, sign, digits, decimal, binary, exponent] = GRAMMAR.exec(text) ?? [];
  if (match === undefined) return null;
  const number = `${sign}${digits}`;
  if (binary !== undefined) return finite(Number(number) * 1024 ** (BINARY_PREFIXES.indexOf(binary) + 1));
  return finite(Number(`${number}e${exponent ?? DECIMAL_EXPONENTS.get(decimal ?? '') ?? 0}`));
}

/** Quantities have no upper bound (`1e400` is one); doubles do. Minus zero is zero. */
function finite(value: number): Quantity {
  return { value: Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value)) + 0 };
}

/** A whole number of 0 or more, as extended resources must be; null for any other quantity. */
export function parseCount(text: string | number): number | null {
  const value = parseQuantity(text)?.value ?? -1;
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}
