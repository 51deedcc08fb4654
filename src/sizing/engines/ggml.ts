import { GIB } from '../../units.ts';
import type { EngineProfile, StageSetting } from '../engine-profile.ts';
import { kvType } from '../kv-dtype.ts';
import { pagedFull, ring } from '../kv-layouts.ts';
import { contextTerm } from '../overhead.ts';
import type { BillItem, KvDtype } from '../shapes.ts';
import { exactly } from '../spread.ts';
import { splitProportionally } from '../stages.ts';
import { foreignDevice } from './shared-assumptions.ts';

/** What llama.cpp and the engines built on ggml have in common. */

/** Compute buffer of Scout with default batches (ollama/ollama#10739 logs 2.0 GiB). */
const COMPUTE_BUFFER = exactly(2 * GIB);

/** `n_ubatch` (`common/common.h`). */
const MICRO_BATCH = 512;

/** Bits per element of the ggml types: blocks of 32 with their scales (q8_0: 34 bytes, q4_0: 18, q5_1: 24 …). */
export const GGML_KV_TYPES: readonly (readonly [string, KvDtype])[] = [
  ['f32', kvType('f32', 32)],
  ['f16', kvType('f16', 16)],
  ['fp16', kvType('f16', 16)],
  ['bf16', kvType('bf16', 16)],
  ['q8_0', kvType('q8_0', (34 * 8) / 32)],
  ['q5_1', kvType('q5_1', (24 * 8) / 32)],
  ['q5_0', kvType('q5_0', (22 * 8) / 32)],
  ['q4_1', kvType('q4_1', (20 * 8) / 32)],
  ['q4_0', kvType('q4_0', (18 * 8) / 32)],
  ['iq4_nl', kvType('iq4_nl', (18 * 8) / 32)],
];

function overheads(at: StageSetting): readonly BillItem[] {
  return [
    {
      line: 'activations',
      label: ['compute buffer, ', at.limits.batchedTokens, ' tokens a micro-batch'],
      bytes: COMPUTE_BUFFER,
      isInBudget: true,
    },
    contextTerm(true),
  ];
}

export interface GgmlEngine {
  readonly name: string;
  readonly title: string;
  readonly version: string | null;
  readonly kvDtypes: ReadonlyMap<string, KvDtype>;
}

export function ggmlProfile(engine: GgmlEngine): EngineProfile {
  const { title } = engine;
  return {
    ...engine,
    versionIsKnown: engine.version !== null && /\d/.test(engine.version),
    releases: [],
    fractionMeaning: 'none: the engine uses what the GPU has and puts the rest on the CPU',
    spills: true,
    defaultGpus: 'all',
    kvDtypeAuto: 'f16',
    supportsTensorParallel: false,
    supportsPipelineParallel: true,
    splitLayers: splitProportionally,
    visionStages: 'first',
    vision: (request) => (request.textOnly ? 'no' : 'yes'),
    /** Positions are rotated as they come: no table. */
    ropeElementBytes: exactly(0),
    kv: (request) =>
      request.hybridKv === 'off'
        ? {
            strategy: pagedFull(1),
            assumption: `${title} with --swa-full: all layers keep every token`,
            isAssumed: false,
          }
        : {
            strategy: ring(request.maxNumBatchedTokens ?? MICRO_BATCH),
            assumption: `${title}: chunked layers keep a ring of one chunk and a micro-batch (builds since May 2025)`,
            isAssumed: false,
          },
    limits: (request) => ({
      sequences: request.maxNumSeqs ?? request.concurrency,
      batchedTokens: request.maxNumBatchedTokens ?? MICRO_BATCH,
    }),
    fraction: (request) => request.memoryFraction ?? 1,
    budget: (input) => input.fraction * input.usableBytes,
    overheads,
    assumptions: (_, device) => [
      {
        fact: 'overheads',
        text: `${title}: one compute buffer of 2.0 GiB per GPU, as measured with default batches`,
        settledBy: null,
      },
      ...foreignDevice(title, device),
    ],
  };
}
