import { type Bytes, bytes, GB } from '../units.ts';
import { countParameters } from './parameters.ts';
import {
  type CheckpointWeights,
  COMPONENTS,
  type Component,
  type ModelShape,
  type Spread,
  type StorageFormat,
} from './shapes.ts';
import { addSpreads, between, exactly } from './spread.ts';
import { BF16, weightBytes } from './weights.ts';

export const TRAINING_METHODS = ['full', 'bf16-adamw', 'lora', 'qlora'] as const;
export type TrainingMethod = (typeof TRAINING_METHODS)[number];

export interface TrainingRequest {
  readonly model: ModelShape;
  readonly method: TrainingMethod;
  readonly context: number;
  readonly gpus: number;
}

export interface TrainingItem {
  readonly label: string;
  /** Per GPU. */
  readonly bytes: Spread;
}

export interface TrainingBill {
  readonly method: TrainingMethod;
  readonly gpus: number;
  readonly items: readonly TrainingItem[];
  readonly perGpu: Spread;
  readonly total: Spread;
  readonly totalBytes: Bytes;
  readonly assumption: string;
}

/** nf4 with double quantization: 4 bit, a byte per 64, fp32 per 256 blocks of 64. */
const NF4: StorageFormat = {
  name: 'nf4',
  bits: 4,
  groups: [
    { size: 64, bits: 8 },
    { size: 16_384, bits: 32 },
  ],
  rowScaleBytes: 0,
};

/** Linearised experts and attention are quantized, the rest is bf16 (axolotl's checkpoints; llama4-memory.md §1). */
const NF4_COMPONENTS: readonly Component[] = ['attention', 'routedExperts', 'sharedExperts', 'denseFfn'];

function nf4Weights(): CheckpointWeights {
  const format = (component: Component): StorageFormat => (NF4_COMPONENTS.includes(component) ? NF4 : BF16);
  return {
    kind: 'tensors',
    formats: {
      tokenEmbedding: format('tokenEmbedding'),
      lmHead: format('lmHead'),
      attention: format('attention'),
      router: format('router'),
      routedExperts: format('routedExperts'),
      sharedExperts: format('sharedExperts'),
      denseFfn: format('denseFfn'),
      norms: format('norms'),
      visionTower: format('visionTower'),
      visionAdapter: format('visionAdapter'),
      projector: format('projector'),
    },
    unquantizedExpertLayers: 0,
  };
}

interface MethodFacts {
  /** Bytes of the states of all parameters, over all GPUs. */
  readonly states: (model: ModelShape) => Spread;
  readonly label: string;
  /** The run that was measured on several GPUs held the whole base on each (4 GPUs: 62.8 GB each). */
  readonly isReplicated: boolean;
}

/** Every parameter has its states, also those that a token does not pass. */
function perParameter(low: number, mid: number, high: number): (model: ModelShape) => Spread {
  return (model) => {
    const { total } = countParameters(model);
    return between(low * total, mid * total, high * total);
  };
}

/** Bytes per parameter: hiyouga/LLaMA-Factory@ff6d4d12 README (18 / 8 / 2 / 0.5), llama4-memory.md §6. */
const METHODS: Readonly<Record<TrainingMethod, MethodFacts>> = {
  full: {
    /** bf16 weights 2, gradients 2-4, fp32 master 4, moments 8. */
    states: perParameter(16, 18, 18),
    label: 'weights, gradients, fp32 master and moments (16-18 B a parameter)',
    isReplicated: false,
  },
  'bf16-adamw': {
    states: perParameter(8, 8, 8),
    label: 'weights, gradients and moments in bf16 (8 B a parameter)',
    isReplicated: false,
  },
  lora: {
    states: perParameter(2, 2, 2),
    label: 'frozen bf16 base (2 B a parameter)',
    isReplicated: false,
  },
  qlora: {
    states: (model) => exactly(weightBytes(model, nf4Weights())),
    label: 'frozen nf4 base, experts linearised',
    isReplicated: true,
  },
};

/**
 * Activations, adapters and their optimizer on one GPU: Scout QLoRA takes 64.5 GB where its base takes 60.42
 * (axolotl `examples/llama-4/README.md`@067b021c: 4,096 tokens, micro batch 1, rank 32, offloaded checkpointing).
 */
const MEASURED_WORK = 64.5 * GB - 60.42 * GB;
const MEASURED_CONTEXT = 4096;

function workBytes(request: TrainingRequest): Spread {
  const scale = Math.max(1, request.context / MEASURED_CONTEXT);
  const mid = MEASURED_WORK * scale;
  return request.method === 'qlora' ? between(MEASURED_WORK, mid, mid) : between(0, mid, mid);
}

function statesPerGpu(request: TrainingRequest): Spread {
  const facts = METHODS[request.method];
  const { low, mid, high } = facts.states(request.model);
  const share = facts.isReplicated ? 1 : request.gpus;
  return { low: Math.ceil(low / request.gpus), mid: Math.ceil(mid / share), high: Math.ceil(high / share) };
}

/** What training needs per GPU, with the states sharded over all of them (a quantized base is held whole at the middle). */
export function estimateTraining(request: TrainingRequest): TrainingBill {
  const items: readonly TrainingItem[] = [
    { label: METHODS[request.method].label, bytes: statesPerGpu(request) },
    { label: 'activations, adapters and their optimizer', bytes: workBytes(request) },
  ];
  const perGpu = addSpreads(items.map((item) => item.bytes));
  const total = {
    low: perGpu.low * request.gpus,
    mid: perGpu.mid * request.gpus,
    high: perGpu.high * request.gpus,
  };
  return {
    method: request.method,
    gpus: request.gpus,
    items,
    perGpu,
    total,
    // Thousands of GPUs at millions of tokens leave the safe integers; per GPU nothing does.
    totalBytes: bytes(Math.min(total.mid, Number.MAX_SAFE_INTEGER)),
    assumption: `all ${COMPONENTS.length} components trained or held; activations scaled from one measured run at 4,096 tokens`,
  };
}
