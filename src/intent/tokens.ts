/**
 * Numbers of tokens as people write them in annotations and on our command line. One grammar, vLLM's
 * `human_readable_int`: upper-case suffixes are powers of 1024 and take no decimals, lower-case ones are powers of
 * 1000 and may (vllm-project/vllm `vllm/engine/arg_utils.py`; reference engine-flags.md §6).
 */
const SHAPE = /^(\d{1,16})(?:\.(\d{1,9}))?([kKmMgG]?)$/;

const POWERS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1000],
  ['m', 1000 ** 2],
  ['g', 1000 ** 3],
  ['K', 1024],
  ['M', 1024 ** 2],
  ['G', 1024 ** 3],
]);

/** @returns a positive safe integer, or null when the text is not of the grammar or not positive. */
export function parseTokens(text: string): number | null {
  const parts = SHAPE.exec(text);
  if (parts === null) return null;
  const [, whole = '', decimals = '', suffix = ''] = parts;
  const power = POWERS.get(suffix) ?? 1;
  if (decimals !== '' && power % 1000 !== 0) return null;
  const value = Number(whole) * power + decimalPart(decimals, power);
  return Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** `25.6k`: digits behind the point times the power, in integers; NaN when it is not a whole number of tokens. */
function decimalPart(decimals: string, power: number): number {
  if (decimals === '') return 0;
  const value = (Number(decimals) * power) / 10 ** decimals.length;
  return Number.isInteger(value) ? value : Number.NaN;
}
