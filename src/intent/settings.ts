import type { EngineReading, Reading } from '../engine/types.ts';
import { type Finding, finding } from '../findings.ts';
import { bytes } from '../units.ts';
import type { EngineSettings } from './types.ts';

export const DEFAULT_SETTINGS: EngineSettings = {
  maxNumSeqs: null,
  maxNumBatchedTokens: null,
  cudaGraphMaxBs: null,
  memoryFraction: null,
  kvCacheBytes: null,
  blockSize: null,
  hybridKv: 'auto',
  hybridBlocker: null,
  swaFullTokensRatio: null,
  enforceEager: false,
  textOnly: false,
  multimodalRequested: false,
  lora: null,
  draftBytes: null,
  cpuOffloadBytes: bytes(0),
};

export interface SettingsReading {
  readonly settings: EngineSettings;
  readonly findings: readonly Finding[];
}

/** Engine settings that change the bill, from the launch. What is set but unreadable is a finding, never a default. */
export function readSettings(reading: EngineReading | null): SettingsReading {
  if (reading === null) return { settings: DEFAULT_SETTINGS, findings: [] };
  const findings: Finding[] = [];
  const take = <T>(value: Reading<T>, what: string): T | null => taken(value, what, findings);
  const count = (value: Reading<number>, what: string, most: number): number | null =>
    bounded(value, take(value, what), most, findings);
  const offload = count(reading.cpuOffloadBytes, 'CPU offload', MOST_BYTES);
  const kvCacheBytes = count(reading.kvCacheBytes, 'KV cache size', MOST_BYTES);
  const settings: EngineSettings = {
    maxNumSeqs: count(reading.maxNumSeqs, 'number of sequences', MOST_SEQUENCES),
    maxNumBatchedTokens: count(reading.maxNumBatchedTokens, 'number of batched tokens', MOST_INT32),
    cudaGraphMaxBs: count(reading.cudaGraphMaxBs, 'CUDA graph batch size', MOST_SEQUENCES),
    memoryFraction: take(reading.memoryFraction, 'memory fraction'),
    kvCacheBytes: kvCacheBytes === null ? null : bytes(kvCacheBytes),
    blockSize: count(reading.blockSize, 'block size', MOST_SEQUENCES),
    hybridKv: take(reading.hybridKv, 'hybrid KV cache setting') ?? 'auto',
    hybridBlocker: hybridBlocker(reading),
    swaFullTokensRatio: take(reading.swaFullTokensRatio, 'sliding-window ratio'),
    enforceEager: reading.enforceEager,
    textOnly: reading.textOnly,
    multimodalRequested: reading.multimodalRequested,
    lora: reading.lora === null ? null : boundedLora(reading.lora),
    draftBytes: reading.draft === null || !needsWeights(reading) ? null : 'unknown',
    cpuOffloadBytes: bytes(offload ?? 0),
  };
  return { settings, findings };
}

/** Beyond these no engine starts, and our own arithmetic would leave the safe integers. */
const MOST_SEQUENCES = 65_536;
const MOST_INT32 = 2 ** 31 - 1;
/** 1 PiB: a thousand times the memory of the largest node. */
const MOST_BYTES = 2 ** 50;

function bounded(
  reading: Reading<number>,
  value: number | null,
  most: number,
  findings: Finding[],
): number | null {
  if (value === null || value <= most || reading.state !== 'set') return value;
  const message = `“${reading.text.slice(0, 40)}” is more than an engine can take`;
  findings.push(finding('malformed-flag', reading.path, message));
  return null;
}

/** Adapters beyond these ranks and numbers fill any GPU as well. */
function boundedLora(lora: NonNullable<EngineReading['lora']>): NonNullable<EngineReading['lora']> {
  return { maxLoras: Math.min(lora.maxLoras, 1024), maxRank: Math.min(lora.maxRank, MOST_SEQUENCES) };
}

function taken<T>(value: Reading<T>, what: string, findings: Finding[]): T | null {
  if (value.state === 'set') return value.value;
  if (value.state === 'unknown') {
    findings.push(
      finding('unknown-value', value.path, `the ${what} is set here, but its value cannot be read`),
    );
  }
  return null;
}

/** A connector or an EAGLE draft turns vLLM's hybrid KV manager off (engine-facts.md §1). */
function hybridBlocker(reading: EngineReading): string | null {
  if (reading.draft?.isEagle === true) return 'EAGLE speculative decoding';
  if (reading.kvConnector.state === 'absent') return null;
  if (reading.kvConnector.state === 'unknown') return 'a KV connector that cannot be read';
  return `KV connector ${reading.kvConnector.value}`;
}

/** n-gram speculation has no model of its own. */
function needsWeights(reading: EngineReading): boolean {
  return reading.draft !== null && (reading.draft.id !== null || reading.draft.isEagle);
}
