import { MIB } from '../../units.ts';
import { activationPeak } from '../activations.ts';
import type { BudgetInput, EngineProfile, KvDecision, StageSetting } from '../engine-profile.ts';
import { kvType, kvTypes } from '../kv-dtype.ts';
import { pagedFull, twoPools } from '../kv-layouts.ts';
import {
  activationTerm,
  CUDA_CONTEXT,
  contextTerm,
  graphTerm,
  leftOverTerm,
  ncclBuffers,
  ncclTerm,
  outsideBudget,
  SGLANG_GRAPHS,
} from '../overhead.ts';
import type { SizingRequest } from '../request.ts';
import type { Assumption, BillItem, DeviceShape } from '../shapes.ts';
import { exactly } from '../spread.ts';
import { splitBeforeLast } from '../stages.ts';
import { parseVersion, type Version } from '../version.ts';
import { defaultsFor, type SglangDefaults } from './sglang-fraction.ts';
import { factsAt, RELEASES, type ReleaseFacts } from './sglang-releases.ts';
import { bufferAssumptions, foreignDevice, unknownVersion } from './shared-assumptions.ts';

const TITLE = 'SGLang';

/** Stands in for an unknown release: the last one with uniform KV by default. */
const STAND_IN: Version = [0, 5, 7, 0];
const STAND_IN_TEXT = '0.5.7 (all layers keep every token)';

const KV_DTYPES = kvTypes([
  ['fp8_e4m3', kvType('fp8_e4m3', 8)],
  ['fp8_e5m2', kvType('fp8_e5m2', 8)],
]);

/** One token per KV page by default. */
const PAGE_SIZE = 1;
const INDEX_BYTES = 4;

/** `swa_full_tokens_ratio` (0.5.8+). */
const DEFAULT_POOL_RATIO = 0.8;
/** `--hybrid-kvcache-ratio` without a value (0.4.9-0.5.7). */
const DEFAULT_HYBRID_RATIO = 0.5;

/** 0.4.9-0.5.7 (#6563): r = (1 - R) + R x chunk / context tokens of the local pool per token of the full one. */
function blendedRatio(share: number): (context: number, chunk: number) => number {
  return (context, chunk) => 1 - share + (share * chunk) / context;
}

function full(assumption: string, isAssumed: boolean): KvDecision {
  return { strategy: pagedFull(PAGE_SIZE), assumption, isAssumed };
}

function decideKv(facts: ReleaseFacts, release: string | null): EngineProfile['kv'] {
  return (request) => {
    if (request.hybridKv === 'off') return full(`${TITLE}: hybrid SWA memory turned off`, false);
    if (request.hybridBlocker !== null) {
      return full(`${TITLE}: ${request.hybridBlocker} turns hybrid SWA memory off`, false);
    }
    if (facts.kv === 'two-pools') {
      const ratio = request.swaFullTokensRatio ?? DEFAULT_POOL_RATIO;
      const assumption = `${TITLE} ${release}: two pools, chunked layers hold ${ratio} of the tokens`;
      return { strategy: twoPools(() => ratio), assumption, isAssumed: false };
    }
    if (facts.kv === 'by-request' && request.hybridKv === 'on') {
      const share = request.swaFullTokensRatio ?? DEFAULT_HYBRID_RATIO;
      const assumption = `${TITLE} with the hybrid KV cache turned on, ratio ${share}`;
      return { strategy: twoPools(blendedRatio(share)), assumption, isAssumed: false };
    }
    if (release === null) return full(`${TITLE} version unknown: all layers keep every token`, true);
    return full(`${TITLE} ${release}: all layers keep every token unless asked otherwise`, false);
  };
}

/** A card that nobody named gets the defaults of the largest class. */
const UNKNOWN_CARD_MIB = 160 * 1024;

function cardMib(device: DeviceShape | null): number {
  return device === null ? UNKNOWN_CARD_MIB : device.totalBytes / MIB;
}

function defaultsOf(request: SizingRequest, device: DeviceShape | null): SglangDefaults {
  const defaults = defaultsFor(cardMib(device), request.parallel.tensor);
  return {
    batchedTokens: request.maxNumBatchedTokens ?? defaults.batchedTokens,
    graphBatch: request.cudaGraphMaxBs ?? defaults.graphBatch,
  };
}

/** `before` is read after the process group started, so context and NCCL are outside the fraction. */
function budget(input: BudgetInput): number {
  const before =
    input.usableBytes - CUDA_CONTEXT[input.end] - ncclBuffers(input.tensor, input.stages)[input.end];
  return input.fraction * Math.max(0, before);
}

/** `max_running_requests` when unset: pool tokens / context x 512, within these. */
const FEWEST_REQUESTS = 2048;
const MOST_REQUESTS = 4096;
const REQUESTS_PER_CONTEXT = 512;
/** `ReqToTokenPool` has a row more than requests, and four columns more than the context. */
const SPARE_ROWS = 1;
const SPARE_COLUMNS = 4;

/** 2049 x 10,485,764 x 4 B is the failed allocation of 80.04 GiB in sgl-project/sglang#5755. */
function tableBytes(requests: number, context: number): number {
  return (requests + SPARE_ROWS) * (context + SPARE_COLUMNS) * INDEX_BYTES;
}

/**
 * The default number of rows falls as the context grows, so the table would shrink by a few bytes between steps;
 * it is held at the size that it had where the fall begins.
 */
function defaultTableBytes(poolTokens: number, context: number): number {
  const wanted = (REQUESTS_PER_CONTEXT * poolTokens) / context;
  if (wanted >= MOST_REQUESTS) return tableBytes(MOST_REQUESTS, context);
  const fallsFrom = (REQUESTS_PER_CONTEXT * poolTokens) / MOST_REQUESTS;
  const rows = Math.max(FEWEST_REQUESTS, wanted);
  return Math.ceil(Math.max(tableBytes(rows, context), tableBytes(MOST_REQUESTS, fallsFrom)));
}

/** Tokens that the pool holds on this device at the middle of the overheads; unlimited where no device is known. */
function poolTokens(at: StageSetting, fraction: number): number {
  if (at.device === null) return Number.POSITIVE_INFINITY;
  const { usableBytes } = at.device;
  const { tensor, stage, fixedBytes } = at;
  const size = budget({ usableBytes, fraction, fixedBytes, tensor, stages: stage.count, end: 'mid' });
  const load = { context: at.context, sequences: 1, batchedTokens: at.limits.batchedTokens };
  return Math.max(0, size - fixedBytes) / Math.max(1, at.kv.bytesPerToken(at.kvShape, load));
}

function requestTable(at: StageSetting, fraction: number): BillItem {
  const asked = at.request.maxNumSeqs;
  const size =
    asked === null ? defaultTableBytes(poolTokens(at, fraction), at.context) : tableBytes(asked, at.context);
  return {
    line: 'engineTables',
    label: ['request-to-token table, ', at.context + SPARE_COLUMNS, ' columns'],
    bytes: exactly(size),
    isInBudget: false,
  };
}

/** FA3 is the backend on compute capability 9; it keeps max_bs x context x 4 B per table. */
function usesFa3(device: DeviceShape | null): boolean {
  return device === null || device.computeCapability.startsWith('9.');
}

function graphTables(at: StageSetting, facts: ReleaseFacts, graphBatch: number): readonly BillItem[] {
  if (at.request.enforceEager || !usesFa3(at.device)) return [];
  return facts.graphTables.map((name) => ({
    line: 'engineTables',
    label: ['FA3 graph ', name, ', ', graphBatch, ' x ', at.context],
    bytes: exactly(graphBatch * at.context * INDEX_BYTES),
    isInBudget: false,
  }));
}

/** Logits in bf16 and fp32 and two fp32 copies for sampling, as counted for vLLM from 0.17; not measured for SGLang. */
const SAMPLER_ROW_BYTES = 14;

function activations(at: StageSetting, graphBatch: number): BillItem {
  const { request, stage, tensor } = at;
  const peak = activationPeak({
    model: request.model,
    tensor,
    isFirst: stage.index === 0,
    isLast: stage.hasHead,
    limits: { sequences: graphBatch, batchedTokens: at.limits.batchedTokens },
    samplerBytes: (sequences) => sequences * SAMPLER_ROW_BYTES,
    hasImages: false,
  });
  return outsideBudget(activationTerm(exactly(peak.bytes), peak.cause, tensor));
}

function overheads(facts: ReleaseFacts, fraction: EngineProfile['fraction']): EngineProfile['overheads'] {
  return (at) => {
    const { request, device, tensor, stage } = at;
    const { graphBatch } = defaultsOf(request, device);
    const share = device === null ? 1 : fraction(request, device);
    return [
      activations(at, graphBatch),
      outsideBudget(leftOverTerm(tensor)),
      contextTerm(false),
      ncclTerm(tensor, stage.count, false),
      graphTerm(SGLANG_GRAPHS, request.enforceEager, false),
      requestTable(at, share),
      ...graphTables(at, facts, graphBatch),
    ];
  };
}

function fractionOf(facts: ReleaseFacts): EngineProfile['fraction'] {
  return (request, device) => {
    if (request.memoryFraction !== null) return request.memoryFraction;
    return facts.fraction({
      cardMib: cardMib(device),
      tensor: request.parallel.tensor,
      stages: request.parallel.pipeline,
      ...defaultsOf(request, device),
      isMultimodal: request.multimodalRequested,
    });
  };
}

function assumptions(isKnown: boolean): EngineProfile['assumptions'] {
  return (request, device) => {
    const found: Assumption[] = [];
    if (!isKnown) found.push(unknownVersion(TITLE, STAND_IN_TEXT));
    found.push({
      fact: 'overheads',
      text: `${TITLE}: activations and left-over are taken as in vLLM; graphs from one run of 8xH100`,
      settledBy: null,
    });
    found.push(...foreignDevice(TITLE, device), ...bufferAssumptions(request));
    if (device === null) {
      found.push({
        fact: 'gpu',
        text: `GPU unknown: ${TITLE} defaults of the largest card class, FA3 and 4,096 requests taken`,
        settledBy: 'vramgate.io/gpu',
      });
    }
    return found;
  };
}

export function sglang(version: string | null): EngineProfile {
  const parsed = version === null ? null : parseVersion(version);
  const facts = factsAt(parsed ?? STAND_IN);
  const fraction = fractionOf(facts);
  return {
    name: 'sglang',
    title: TITLE,
    version,
    versionIsKnown: parsed !== null,
    releases: RELEASES,
    fractionMeaning:
      'of the memory that is free at start: weights and KV cache, the rest is left for the peak',
    spills: false,
    defaultGpus: 'one',
    kvDtypeAuto: 'bf16',
    kvDtypes: KV_DTYPES,
    supportsTensorParallel: true,
    supportsPipelineParallel: true,
    splitLayers: splitBeforeLast,
    visionStages: 'every',
    vision: (request) => (facts.buildsVision === 'always' || request.multimodalRequested ? 'yes' : 'no'),
    /** fp32 on CUDA: 5.0 GiB for 10,485,760 positions (engine-facts §0). */
    ropeElementBytes: exactly(4),
    kv: decideKv(facts, parsed === null ? null : version),
    limits: (request, device) => {
      const { batchedTokens, graphBatch } = defaultsOf(request, device);
      return { sequences: request.maxNumSeqs ?? graphBatch, batchedTokens };
    },
    fraction,
    budget,
    overheads: overheads(facts, fraction),
    assumptions: assumptions(parsed !== null),
  };
}
