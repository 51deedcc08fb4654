import { ceilDiv, GIB } from '../../units.ts';
import { activationPeak } from '../activations.ts';
import type { BatchLimits, EngineProfile, KvDecision, StageSetting } from '../engine-profile.ts';
import { kvType, kvTypes } from '../kv-dtype.ts';
import { pagedFull, pagedHybrid } from '../kv-layouts.ts';
import { activationTerm, contextTerm, GRAPHS, graphTerm, leftOverTerm, ncclTerm } from '../overhead.ts';
import type { SizingRequest } from '../request.ts';
import type { Assumption, BillItem, DeviceShape } from '../shapes.ts';
import { exactly } from '../spread.ts';
import { splitBeforeLast } from '../stages.ts';
import { factsOf, formatVersion, parseVersion, type SinceRow, type Version } from '../version.ts';
import { bufferAssumptions, foreignDevice, unknownVersion } from './shared-assumptions.ts';

const TITLE = 'vLLM';

/** What differs from release to release. Sources: engine-facts.md §1-§3, read at the release tags. */
interface ReleaseFacts {
  /** `gpu_memory_utilization`: 0.9, and 0.92 from 0.20.0 (#38284, 96a85c57501f). */
  readonly utilization: number;
  readonly hybrid: 'absent' | 'on' | 'by-request';
  /** Bytes per row and vocabulary entry while sorting for top-k and top-p: 38 to 0.16, 14 from 0.17.0 (#33538). */
  readonly samplerRowBytes: 38 | 14;
  /** Sequences on cards below 70 GiB and on A100: 1024 to 0.9.1, 256 from 0.9.2. */
  readonly smallCardSequences: 1024 | 256;
  /** Whether the budget counts these, or they live beside it. */
  readonly countsContext: boolean;
  readonly countsNccl: boolean;
  readonly countsTables: boolean;
  readonly countsGraphs: boolean;
  readonly largeCard: 'hopper-by-name' | 'by-size' | 'by-size-not-a100';
}

const V083: ReleaseFacts = {
  utilization: 0.9,
  hybrid: 'absent',
  samplerRowBytes: 38,
  smallCardSequences: 1024,
  countsContext: true,
  countsNccl: true,
  countsTables: true,
  countsGraphs: false,
  largeCard: 'hopper-by-name',
};
const V085: ReleaseFacts = { ...V083, largeCard: 'by-size' };
const V090: ReleaseFacts = { ...V085, largeCard: 'by-size-not-a100' };
/** Memory snapshot taken after the context and before NCCL. */
const V091: ReleaseFacts = { ...V090, countsContext: false, countsTables: false };
const V092: ReleaseFacts = { ...V091, smallCardSequences: 256 };
/** #19351, and for one release by default. */
const V0100: ReleaseFacts = { ...V092, hybrid: 'on' };
/** #21761: off, VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE=1 turns it on. */
const V0101: ReleaseFacts = { ...V092, hybrid: 'by-request' };
/** Snapshot taken after NCCL. */
const V0110: ReleaseFacts = { ...V0101, countsNccl: false };
/** #29627. */
const V0140: ReleaseFacts = { ...V0110, hybrid: 'on' };
const V0170: ReleaseFacts = { ...V0140, samplerRowBytes: 14 };
const V0200: ReleaseFacts = { ...V0170, utilization: 0.92, countsGraphs: true };

const RELEASES: readonly [SinceRow<ReleaseFacts>, ...SinceRow<ReleaseFacts>[]] = [
  { since: [0, 8, 3, 0], facts: V083 },
  { since: [0, 8, 5, 0], facts: V085 },
  { since: [0, 9, 0, 0], facts: V090 },
  { since: [0, 9, 1, 0], facts: V091 },
  { since: [0, 9, 2, 0], facts: V092 },
  { since: [0, 10, 0, 0], facts: V0100 },
  { since: [0, 10, 1, 0], facts: V0101 },
  { since: [0, 11, 0, 0], facts: V0110 },
  { since: [0, 14, 0, 0], facts: V0140 },
  { since: [0, 17, 0, 0], facts: V0170 },
  { since: [0, 20, 0, 0], facts: V0200 },
];

/** Stands in for an unknown release: full KV by default, 38 B sampler, 0.9, NCCL inside the budget. */
const STAND_IN: Version = [0, 10, 2, 0];
const STAND_IN_TEXT = '0.10.2 (hybrid KV off, 0.90 of the memory, 38 B sampler)';

const KV_DTYPES = kvTypes([
  ['fp8_e4m3', kvType('fp8_e4m3', 8)],
  ['fp8_e5m2', kvType('fp8_e5m2', 8)],
  ['fp8_inc', kvType('fp8_inc', 8)],
]);

/** `DEFAULT_BLOCK_SIZE` (`vllm/config/cache.py`). */
const BLOCK_SIZE = 16;
/** `BlockTable` holds int32 (`vllm/v1/worker/block_table.py`). */
const TABLE_ENTRY_BYTES = 4;

function blockSizeOf(request: SizingRequest): number {
  return request.blockSize ?? BLOCK_SIZE;
}

function fullDecision(request: SizingRequest, assumption: string, isAssumed: boolean): KvDecision {
  return { strategy: pagedFull(blockSizeOf(request)), assumption, isAssumed };
}

function hybridDecision(request: SizingRequest, assumption: string): KvDecision {
  return { strategy: pagedHybrid(blockSizeOf(request)), assumption, isAssumed: false };
}

/** What turns the hybrid manager off whatever the release; null when nothing does. */
function turnedOff(request: SizingRequest, device: DeviceShape | null): string | null {
  if (request.hybridKv === 'off')
    return `${TITLE}: the hybrid KV cache was turned off: all layers keep every token`;
  if (request.hybridBlocker !== null)
    return `${TITLE}: ${request.hybridBlocker} turns the hybrid KV cache off`;
  if (device?.vendor === 'intel') return `${TITLE}: the hybrid KV cache runs on CUDA and ROCm only`;
  return null;
}

/** engine-facts.md §1. */
function decideKv(facts: ReleaseFacts, release: string | null): EngineProfile['kv'] {
  return (request, device) => {
    const off = turnedOff(request, device);
    if (off !== null) return fullDecision(request, off, false);
    const isAsked = request.hybridKv === 'on';
    if (release === null) {
      return isAsked
        ? hybridDecision(request, `${TITLE} of unknown version, hybrid KV cache turned on`)
        : fullDecision(
            request,
            `${TITLE} version unknown: hybrid KV cache taken as off, all layers keep every token`,
            true,
          );
    }
    const here = `${TITLE} ${release}`;
    if (facts.hybrid === 'absent') {
      return fullDecision(request, `${here} has no chunked KV cache: all layers keep every token`, false);
    }
    if (facts.hybrid === 'on')
      return hybridDecision(request, `${here} has the hybrid KV cache on for this model`);
    return isAsked
      ? hybridDecision(request, `${here} with the hybrid KV cache turned on`)
      : fullDecision(request, `${here} has the hybrid KV cache off for this model`, false);
  };
}

/** `EngineArgs` chooses by the memory that the device reports. */
const LARGE_CARD_BYTES = 70 * GIB;

function isLargeCard(facts: ReleaseFacts, device: DeviceShape): boolean {
  if (facts.largeCard === 'hopper-by-name') return /h[12]00/i.test(device.product);
  if (device.usableBytes < LARGE_CARD_BYTES) return false;
  return facts.largeCard === 'by-size' || !/a100/i.test(device.product);
}

const LARGE_CARD: BatchLimits = { sequences: 1024, batchedTokens: 8192 };

function defaultLimits(facts: ReleaseFacts, device: DeviceShape | null): BatchLimits {
  if (device === null || isLargeCard(facts, device)) return LARGE_CARD;
  return { sequences: facts.smallCardSequences, batchedTokens: 2048 };
}

/** Server defaults, clamped as vLLM does: batch <= sequences x context, sequences <= batch. Given values stand. */
function decideLimits(facts: ReleaseFacts): EngineProfile['limits'] {
  return (request, device, context) => {
    const defaults = defaultLimits(facts, device);
    const sequences = request.maxNumSeqs ?? defaults.sequences;
    const batchedTokens =
      request.maxNumBatchedTokens ?? Math.min(defaults.batchedTokens, sequences * context);
    return { batchedTokens, sequences: request.maxNumSeqs ?? Math.min(sequences, batchedTokens) };
  };
}

/** Below 128 rows PyTorch sorts by a hungrier branch, about 50 B (approximate; capped where 128 rows cost less). */
const FEW_ROWS = 128;
const FEW_ROWS_BYTES = 50;

function samplerBytes(facts: ReleaseFacts): (sequences: number) => number {
  const { samplerRowBytes } = facts;
  return (sequences) => {
    if (samplerRowBytes < 38 || sequences >= FEW_ROWS) return sequences * samplerRowBytes;
    return Math.min(sequences * FEW_ROWS_BYTES, FEW_ROWS * samplerRowBytes);
  };
}

/** One table per KV group, a row per sequence, an entry per block of the longest context. */
function blockTables(at: StageSetting, isInBudget: boolean): BillItem {
  const groups = at.kv.groups(at.kvShape);
  const blocks = ceilDiv(at.context, blockSizeOf(at.request));
  return {
    line: 'engineTables',
    label: ['block tables, ', groups, ' x ', at.limits.sequences, ' sequences x ', blocks, ' blocks'],
    bytes: exactly(groups * at.limits.sequences * blocks * TABLE_ENTRY_BYTES),
    isInBudget,
  };
}

function inputEmbeddings(at: StageSetting, isInBudget: boolean): BillItem {
  return {
    line: 'engineTables',
    label: ['input embeddings, ', at.limits.batchedTokens, ' tokens'],
    bytes: exactly(2 * at.limits.batchedTokens * at.request.model.hiddenSize),
    isInBudget,
  };
}

function overheads(facts: ReleaseFacts): EngineProfile['overheads'] {
  const sampler = samplerBytes(facts);
  return (at) => {
    const { request, stage, tensor, limits } = at;
    const peak = activationPeak({
      model: request.model,
      tensor,
      isFirst: stage.index === 0,
      isLast: stage.hasHead,
      limits,
      samplerBytes: sampler,
      hasImages: !request.textOnly,
    });
    return [
      activationTerm(exactly(peak.bytes), peak.cause, tensor),
      leftOverTerm(tensor),
      contextTerm(facts.countsContext),
      ncclTerm(tensor, stage.count, facts.countsNccl),
      graphTerm(GRAPHS, request.enforceEager, facts.countsGraphs),
      blockTables(at, facts.countsTables),
      inputEmbeddings(at, facts.countsTables),
    ];
  };
}

function assumptions(profile: { readonly isKnown: boolean }): EngineProfile['assumptions'] {
  return (request, device) => {
    const found: Assumption[] = [];
    if (!profile.isKnown) found.push(unknownVersion(TITLE, STAND_IN_TEXT));
    found.push(...foreignDevice(TITLE, device), ...bufferAssumptions(request));
    if (device === null) {
      found.push({
        fact: 'gpu',
        text: `GPU unknown: ${TITLE} defaults of a large card taken (1,024 sequences, 8,192 tokens a step)`,
        settledBy: 'vramgate.io/gpu',
      });
    }
    if (request.textOnly) {
      found.push({
        fact: 'engine-default',
        text: `text only: newer ${TITLE} skips the vision tower; it is counted`,
        settledBy: null,
      });
    }
    return found;
  };
}

export function vllm(version: string | null): EngineProfile {
  const parsed = version === null ? null : parseVersion(version);
  const facts = factsOf(RELEASES, parsed ?? STAND_IN);
  return {
    name: 'vllm',
    title: TITLE,
    version,
    versionIsKnown: parsed !== null,
    releases: RELEASES.map((row) => formatVersion(row.since)),
    fractionMeaning: 'of the memory that the GPU reports: everything inside the budget',
    spills: false,
    defaultGpus: 'one',
    kvDtypeAuto: 'bf16',
    kvDtypes: KV_DTYPES,
    supportsTensorParallel: true,
    supportsPipelineParallel: true,
    splitLayers: splitBeforeLast,
    /** Calibration row 18: the last of two stages is 8.0 GiB short only if it holds the tower too. */
    visionStages: 'every',
    vision: (request) => (request.textOnly ? 'perhaps' : 'yes'),
    /** `Llama3RotaryEmbedding` keeps cos and sin for every position in the model's dtype (`llama3_rope.py`@045d7575). */
    ropeElementBytes: exactly(2),
    kv: decideKv(facts, parsed === null ? null : version),
    limits: decideLimits(facts),
    fraction: (request) => request.memoryFraction ?? facts.utilization,
    budget: (input) => input.fraction * input.usableBytes,
    overheads: overheads(facts),
    assumptions: assumptions({ isKnown: parsed !== null }),
  };
}
