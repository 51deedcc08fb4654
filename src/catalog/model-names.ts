import { parseGgufType } from './quantization-names.ts';
import type { Quantization } from './types.ts';

/** A name of a model's files without what an upload puts around it. All of it is in lower case. */

/** A precision that a name ends in, and the name without it. */
export interface NamedPrecision {
  readonly base: string;
  readonly quantization: Quantization;
}

/** Precision suffixes of published uploads (reference engine-flags.md §5, case 12); longer ones first. */
const SUFFIXES: readonly (readonly [RegExp, Quantization])[] = [
  [/[-_.](?:unsloth[-_])?bnb[-_]4bit$/, 'nf4'],
  [/[-_.](?:bnb[-_])?nf4$/, 'nf4'],
  [/[-_.]fp8(?:[-_](?:dynamic|block|kv|original|tensorwise))?$/, 'fp8'],
  [/[-_.](?:nv)?fp4$/, 'nvfp4'],
  [/[-_.](?:quantized[-_.])?w4a16(?:[-_]g\d+)?$/, 'w4a16'],
  [/[-_.](?:quantized[-_.])?w8a8$/, 'int8'],
  [/[-_.]awq(?:[-_](?:int4|4bit))?$/, 'awq'],
  [/[-_.]gptq(?:[-_](?:int4|4bit))?$/, 'gptq'],
  [/[-_.]int4$/, 'int4'],
  [/[-_.]int8$/, 'int8'],
  [/[-_.]bf16$/, 'bf16'],
  [/[-_.]fp16$/, 'fp16'],
  [/[-_.]original$/, 'bf16'],
];

/** llama.cpp's default where a repository is named without a type (engine-flags.md §4). */
const DEFAULT_GGUF: Quantization = 'gguf:Q4_K_M';

const SHARD = /-\d{5}-of-\d{5}$/;

/**
 * `X-Q4_K_M-00001-of-00002.gguf`, `X.UD-Q4_K_XL.gguf`, `X-GGUF:Q4_K_M`, `X-GGUF`. A file that ends in `.gguf` is of
 * this kind even where its type is spelt like a precision (`X-BF16.gguf`).
 */
export function ggufName(name: string): NamedPrecision | null {
  const stem = name.replace(/\.gguf$/, '').replace(SHARD, '');
  const typed = ggufType(stem);
  // Outside a file or a GGUF repository, `-bf16` is a precision like any other.
  const isFile = stem !== name || name.includes('gguf');
  if (typed !== null && (isFile || typed.quantization !== 'gguf:BF16')) return typed;
  return stem.endsWith('-gguf') ? { base: stem.slice(0, -'-gguf'.length), quantization: DEFAULT_GGUF } : null;
}

/** The type is the last part between separators, but its own underscores are separators as well: longest first. */
function ggufType(stem: string): NamedPrecision | null {
  for (let at = 1; at < stem.length; at++) {
    if (!'-_.:'.includes(stem.charAt(at))) continue;
    const quantization = parseGgufType(stem.slice(at + 1));
    if (quantization !== null) return { base: stem.slice(0, at).replace(/-gguf$/, ''), quantization };
  }
  return null;
}

export function suffixedName(name: string): NamedPrecision | null {
  for (const [pattern, quantization] of SUFFIXES) {
    const match = pattern.exec(name);
    if (match !== null) return { base: name.slice(0, match.index), quantization };
  }
  return null;
}

/** Owners and packagings that some uploads write into the name itself. */
const PREFIX = /^(?:modelcar-)?(?:meta-llama[-_]+|meta[-_]+(?=llama-4))?/;

export function withoutPrefix(name: string): string {
  return name.replace(PREFIX, '');
}

const CACHE_FOLDER = /^models--(.+)$/;

/**
 * The parts of a path or address that may name a model, the strongest first: the Hugging Face cache's own folder
 * (`models--org--name/snapshots/…`), the last two parts, the last. A tag or revision is left out in a second try.
 */
export function pathCandidates(text: string): readonly string[] {
  const parts = text.split('/').filter((part) => part !== '');
  const cached = parts.map((part) => CACHE_FOLDER.exec(part)?.[1]?.replaceAll('--', '/'));
  const last = parts.at(-1) ?? '';
  const pair = parts.slice(-2).join('/');
  const bare = last.replace(/[:@][^:@]*$/, '');
  const found = [...cached.filter((name) => name !== undefined), pair, last, bare];
  return [...new Set(found)];
}
