import { type Catalog, QUANTIZATIONS, type Quantization } from './types.ts';

// llama.cpp's file types (`tools/quantize/quantize.cpp`) and unsloth's dynamic mixes, which put `UD-` in front.
const GGUF_TYPE =
  /^(?:ud-)?(?:i?q([1-8])_(?:0|1|k(?:_(?:xs|s|m|l|xl))?|xxs|xs|s|m|nl)|tq([12])_0|mxfp(4)(?:_moe)?|b?f(16)|f(32))$/i;
const GGUF_PREFIX = 'gguf:';

const BY_NAME: ReadonlyMap<string, Quantization> = new Map(QUANTIZATIONS.map((name) => [name, name]));

/** A GGUF type in its usual spelling (`UD-Q4_K_XL`), BF16 included, or null. */
export function parseGgufType(text: string): Quantization | null {
  const type = text.trim();
  return GGUF_TYPE.test(type) ? `${GGUF_PREFIX}${type.toUpperCase()}` : null;
}

/** A quantization by the contract's name or as a GGUF type, case aside; null when it is neither. `BF16` is the contract's. */
export function parseQuantizationName(text: string): Quantization | null {
  const name = text.trim().toLowerCase();
  const known = BY_NAME.get(name);
  if (known !== undefined) return known;
  return parseGgufType(name.startsWith(GGUF_PREFIX) ? name.slice(GGUF_PREFIX.length) : name);
}

/** Every name that an annotation may use: for messages and suggestions. */
export function quantizationNames(catalog: Catalog): readonly string[] {
  const types = catalog.models
    .flatMap((model) => model.checkpoints)
    .map((checkpoint) => checkpoint.quantization)
    .filter((quantization) => quantization.startsWith(GGUF_PREFIX))
    .map((quantization) => quantization.slice(GGUF_PREFIX.length))
    .filter((type) => !BY_NAME.has(type.toLowerCase()));
  return [...QUANTIZATIONS, ...[...new Set(types)].toSorted()];
}

/** Leading bits of a GGUF type: 4 for `UD-Q4_K_XL`. Null for what is no GGUF type. */
export function ggufBits(quantization: Quantization): number | null {
  if (!quantization.startsWith(GGUF_PREFIX)) return null;
  const digits = GGUF_TYPE.exec(quantization.slice(GGUF_PREFIX.length))
    ?.slice(1)
    .find((group) => group !== undefined);
  return digits === undefined ? null : Number(digits);
}

/** The 4-bit integer formats: `int4` is the contract's word for any of them. */
const INT4_FAMILY: readonly Quantization[] = ['int4', 'w4a16', 'awq', 'gptq'];

/** The formats of which one may stand for `quantization`. */
export function formatsMeantBy(quantization: Quantization): readonly Quantization[] {
  if (quantization === 'int4') return INT4_FAMILY;
  return [quantization];
}
