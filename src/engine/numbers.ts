/** One number as an engine reads it; pure text in, so that every grammar can be tested as a table. */
export interface ParsedNumber {
  /** What the engine gets, or what the author evidently meant where the engine refuses; null when neither is clear. */
  readonly value: number | null;
  /** Why the engine refuses the text, or what it silently makes of it; null when all is well. */
  readonly problem: string | null;
  readonly isRefused: boolean;
}

export type NumberGrammar = (text: string) => ParsedNumber;

function accepted(value: number): ParsedNumber {
  return Number.isSafeInteger(value) ? exactly(value) : refused(null, 'it is too large');
}

function exactly(value: number): ParsedNumber {
  return { value, problem: null, isRefused: false };
}

function refused(value: number | null, problem: string): ParsedNumber {
  return { value, problem, isRefused: true };
}

/** Python's int(): blanks around, a sign, single underscores between digits. */
const PYTHON_INT = /^\s*[+-]?\d+(?:_\d+)*\s*$/;

/** Hardly anybody writes them, and to look is much quicker than to replace. */
function plain(text: string): number {
  return Number(text.includes('_') ? text.replaceAll('_', '') : text);
}

/** A whole number as Go's and Helm's templates print large floats: 1.048576e+06 (helm/helm#1707, #3001). */
const HELM_FLOAT = /^\s*\d+(?:\.\d+)?[eE]\+?\d{1,2}\s*$/;
const HELM_PROBLEM = 'the engine will refuse a number in exponent form; quote it or use Helm’s int64';

function helmFloat(text: string): ParsedNumber | null {
  if (!HELM_FLOAT.test(text)) return null;
  const value = Number(text);
  return refused(Number.isSafeInteger(value) ? value : null, HELM_PROBLEM);
}

export function pythonInt(text: string): ParsedNumber {
  if (PYTHON_INT.test(text)) return accepted(plain(text));
  const helm = helmFloat(text);
  if (helm !== null) return helm;
  const meant = suffixed(text);
  return refused(
    meant,
    meant === null ? 'the engine takes a whole number' : 'the engine takes no suffix here',
  );
}

/** What a suffix evidently means to its author, for numbers that the engine refuses. */
function suffixed(text: string): number | null {
  for (const grammar of [vllmHumanInt, siInt]) {
    const parsed = grammar(text.trim());
    if (parsed.problem === null) return parsed.value;
  }
  return null;
}

const VLLM_SUFFIXED = /^(\d+(?:\.\d+)?)([kKmMgGtT])$/;
const DECIMAL: ReadonlyMap<string, number> = new Map([
  ['k', 1e3],
  ['m', 1e6],
  ['g', 1e9],
  ['t', 1e12],
]);
const BINARY: ReadonlyMap<string, number> = new Map([
  ['K', 2 ** 10],
  ['M', 2 ** 20],
  ['G', 2 ** 30],
  ['T', 2 ** 40],
]);

/** vLLM `human_readable_int` (`vllm/utils/argparse_utils.py`): decimals with the powers of 1000 only. */
export function vllmHumanInt(text: string): ParsedNumber {
  const match = VLLM_SUFFIXED.exec(text.trim());
  if (match === null)
    return plainOr(text, 'vLLM takes a whole number, or one with k, m, g (1000) or K, M, G (1024)');
  const [number = '', suffix = ''] = match.slice(1);
  const decimal = DECIMAL.get(suffix);
  if (decimal !== undefined) return accepted(Math.trunc(Number(number) * decimal));
  const binary = BINARY.get(suffix) ?? 1;
  if (!number.includes('.')) return accepted(Number(number) * binary);
  return refused(
    Math.trunc(Number(number) * binary),
    `vLLM refuses decimals before ${suffix}; write ${suffix.toLowerCase()}`,
  );
}

function plainOr(text: string, problem: string): ParsedNumber {
  if (PYTHON_INT.test(text)) return accepted(plain(text));
  return helmFloat(text) ?? refused(null, problem);
}

/** Newer vLLM: `auto` and -1 let the engine choose. */
export function isVllmAuto(text: string): boolean {
  const trimmed = text.trim().toLowerCase();
  return trimmed === 'auto' || trimmed === '-1';
}

const SI_SUFFIXED = /^(\d+(?:\.\d+)?)(k|M|G|T|Ki|Mi|Gi|Ti)$/;
const SI: ReadonlyMap<string, number> = new Map([
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
]);

/** Newer SGLang (`srt/utils/common.py`): SI and IEC, case matters, so `1K` and `1m` are errors. */
export function siInt(text: string): ParsedNumber {
  const match = SI_SUFFIXED.exec(text.trim());
  if (match === null)
    return plainOr(text, 'SGLang takes a whole number, or one with k, M (1000) or Ki, Mi (1024)');
  const value = Number(match[1]) * (SI.get(match[2] ?? '') ?? 1);
  return Number.isInteger(value) ? accepted(value) : refused(Math.trunc(value), 'this is no whole number');
}

const STOI = /^\s*([+-]?\d+)(.*)$/s;

/** C++ std::stoi takes the leading digits and says nothing about the rest: `32k` is 32 (llama.cpp `common/arg.cpp`). */
export function stoi(text: string): ParsedNumber {
  const match = STOI.exec(text);
  if (match === null) return refused(null, 'llama.cpp takes a whole number');
  const value = Number(match[1]);
  if (!Number.isSafeInteger(value) || Math.abs(value) >= 2 ** 31) return refused(null, 'it is too large');
  if (match[2] === '') return exactly(value);
  return { value, problem: `llama.cpp reads only the leading digits, ${value}`, isRefused: false };
}

/** Rust's parse(): digits only, after an optional plus. */
export function strictInt(text: string): ParsedNumber {
  if (/^\+?\d+$/.test(text)) return accepted(Number(text));
  return helmFloat(text) ?? refused(suffixed(text), 'the engine takes a whole number without a suffix');
}

const FLOAT = /^\s*[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\s*$/;

export function pythonFloat(text: string): ParsedNumber {
  if (!FLOAT.test(text)) return refused(null, 'the engine takes a number');
  const value = plain(text);
  return Number.isFinite(value) ? exactly(value) : refused(null, 'it is too large');
}

const PERCENT = /^\s*(\d{1,2}(?:\.\d+)?)\s*%\s*$/;

/** A share of memory: above 0 and at most 1 (engine-flags.md §5, case 23). `95` and `90%` evidently mean per cent. */
export function fraction(text: string): ParsedNumber {
  const percent = PERCENT.exec(text)?.[1];
  if (percent !== undefined)
    return refused(Number(percent) / 100, 'the engine takes a fraction such as 0.9, not per cent');
  const { value, problem } = pythonFloat(text);
  if (value === null) return refused(null, problem ?? 'the engine takes a number');
  if (value > 0 && value <= 1) return exactly(value);
  // 1.5 may mean anything; 95 is per cent.
  const meant = value >= 10 && value <= 100 ? value / 100 : null;
  return refused(meant, 'the engine takes a fraction above 0 and at most 1');
}
