import { activationPeak } from '../activations.ts';
import type { EngineProfile, StageSetting } from '../engine-profile.ts';
import { pagedFull } from '../kv-layouts.ts';
import { activationTerm, contextTerm, GRAPHS, graphTerm, leftOverTerm, ncclTerm } from '../overhead.ts';
import type { BillItem } from '../shapes.ts';
import { between } from '../spread.ts';
import { splitBeforeLast } from '../stages.ts';
import { bufferAssumptions, foreignDevice, unmeasured } from './shared-assumptions.ts';

/** Engines with paged full KV whose overheads nobody measured with this model: vLLM's terms stand in. */

/** Logits in bf16 and fp32 at least; with two fp32 copies for sampling at most, as counted for vLLM from 0.17. */
const FEWEST_SAMPLER_BYTES = 6;
const SAMPLER_BYTES = 14;

function peakOf(at: StageSetting, samplerRowBytes: number): ReturnType<typeof activationPeak> {
  return activationPeak({
    model: at.request.model,
    tensor: at.tensor,
    isFirst: at.stage.index === 0,
    isLast: at.stage.hasHead,
    limits: at.limits,
    samplerBytes: (sequences) => sequences * samplerRowBytes,
    hasImages: !at.request.textOnly,
  });
}

export function unmeasuredOverheads(graphsAreInBudget: boolean): EngineProfile['overheads'] {
  return (at): readonly BillItem[] => {
    const peak = peakOf(at, SAMPLER_BYTES);
    const least = peakOf(at, FEWEST_SAMPLER_BYTES);
    return [
      activationTerm(between(least.bytes, peak.bytes, peak.bytes), peak.cause, at.tensor),
      leftOverTerm(at.tensor),
      contextTerm(true),
      ncclTerm(at.tensor, at.stage.count, true),
      graphTerm(GRAPHS, at.request.enforceEager, graphsAreInBudget),
    ];
  };
}

export interface UnmeasuredEngine {
  readonly name: string;
  readonly title: string;
  readonly version: string | null;
  readonly defaultGpus: EngineProfile['defaultGpus'];
  readonly kvDtypes: EngineProfile['kvDtypes'];
  readonly supportsPipelineParallel: boolean;
  readonly ropeElementBytes: EngineProfile['ropeElementBytes'];
  readonly blockSize: number;
  readonly sequences: number;
  readonly batchedTokens: number;
  readonly fraction: number;
  readonly fractionMeaning: string;
  readonly budget: EngineProfile['budget'];
  readonly graphsAreInBudget: boolean;
}

export function unmeasuredProfile(engine: UnmeasuredEngine): EngineProfile {
  const { name, title, version, defaultGpus, kvDtypes, supportsPipelineParallel, ropeElementBytes, budget } =
    engine;
  const { blockSize, sequences, batchedTokens, fraction, graphsAreInBudget } = engine;
  return {
    name,
    title,
    version,
    versionIsKnown: version !== null && /\d/.test(version),
    releases: [],
    fractionMeaning: engine.fractionMeaning,
    spills: false,
    defaultGpus,
    kvDtypeAuto: 'bf16',
    kvDtypes,
    supportsTensorParallel: true,
    supportsPipelineParallel,
    splitLayers: splitBeforeLast,
    visionStages: 'first',
    vision: (request) => (request.textOnly ? 'perhaps' : 'yes'),
    ropeElementBytes,
    kv: (request) => ({
      strategy: pagedFull(request.blockSize ?? blockSize),
      assumption: `${title}: all layers keep every token`,
      isAssumed: false,
    }),
    limits: (request) => ({
      sequences: request.maxNumSeqs ?? sequences,
      batchedTokens: request.maxNumBatchedTokens ?? batchedTokens,
    }),
    fraction: (request) => request.memoryFraction ?? fraction,
    budget,
    overheads: unmeasuredOverheads(graphsAreInBudget),
    assumptions: (request, device) => [
      unmeasured(title),
      ...foreignDevice(title, device),
      ...bufferAssumptions(request),
    ],
  };
}
