import { ceilDiv, formatGib } from '../units.ts';
import type { Ranks } from './parameters.ts';
import type { SizingRequest } from './request.ts';
import type { BillItem, Label, ModelShape } from './shapes.ts';
import { between, exactly } from './spread.ts';
import type { Stage } from './stages.ts';
import { formatName, gpuWeights } from './weights.ts';

type Resident = Pick<
  SizingRequest,
  | 'model'
  | 'weights'
  | 'engine'
  | 'maxPositions'
  | 'lora'
  | 'draftBytes'
  | 'cpuOffloadBytes'
  | 'textOnly'
  | 'multimodalRequested'
>;

function textLabel(request: Resident, stage: Stage): Label {
  const offload =
    request.cpuOffloadBytes > 0 ? `, less ${formatGib(request.cpuOffloadBytes)} on the CPU` : '';
  return [
    'weights ',
    formatName(request.weights),
    ', ',
    stage.layers,
    ' of ',
    request.model.layers,
    ' layers',
    offload,
  ];
}

function visionTerm(bytes: number, isCertain: boolean): readonly BillItem[] {
  if (bytes === 0) return [];
  return [
    {
      line: 'weights',
      label: ['vision tower, adapter and projector'],
      bytes: between(isCertain ? bytes : 0, bytes, bytes),
      isInBudget: true,
    },
  ];
}

/** Cos and sin for every position of the checkpoint, whatever the context. */
function ropeTerm(request: Resident): readonly BillItem[] {
  const { low, mid, high } = request.engine.ropeElementBytes;
  if (high === 0) return [];
  const elements = request.maxPositions * request.model.headDim;
  return [
    {
      line: 'ropeTable',
      label: ['RoPE table, ', request.maxPositions, ` positions, ${mid === 2 ? 'bf16' : 'fp32'}`],
      bytes: between(low * elements, mid * elements, high * elements),
      isInBudget: true,
    },
  ];
}

function draftTerm(draftBytes: SizingRequest['draftBytes']): readonly BillItem[] {
  if (draftBytes === null || draftBytes === 'unknown') return [];
  return [{ line: 'weights', label: ['draft model'], bytes: exactly(draftBytes), isInBudget: true }];
}

/** A (rank x in) and B (out x rank) of one linear layer; A is cut where its input is, B where its output is. */
function adapterElements(rank: number, input: number, output: number): number {
  return rank * (input + output);
}

/** q, k, v and gate, up read the hidden size whole; o and down write it whole. bf16. */
function loraBytes(model: ModelShape, stage: Stage, tensor: number, rank: number): number {
  const { hiddenSize } = model;
  const query = ceilDiv(model.attentionHeads * model.headDim, tensor);
  const keyValue = ceilDiv(Math.max(model.kvHeads, tensor) * model.headDim, tensor);
  const feedForward = (ffn: number): number => 3 * adapterElements(rank, hiddenSize, ceilDiv(ffn, tensor));
  const attention =
    2 * adapterElements(rank, hiddenSize, query) + 2 * adapterElements(rank, hiddenSize, keyValue);
  return (
    2 *
    (stage.layers * attention +
      stage.moeLayers * feedForward(model.expertFfnSize) +
      stage.denseLayers * feedForward(model.denseFfnSize))
  );
}

function loraTerm(request: Resident, stage: Stage, tensor: number): readonly BillItem[] {
  const { lora, model } = request;
  if (lora === null) return [];
  return [
    {
      line: 'engineTables',
      label: ['LoRA buffers, ', lora.maxLoras, ' of rank ', lora.maxRank],
      bytes: exactly(lora.maxLoras * loraBytes(model, stage, tensor, lora.maxRank)),
      isInBudget: true,
    },
  ];
}

/** What stays on a GPU of the stage whatever is asked of it. */
export function residentTerms(request: Resident, stage: Stage, ranks: Ranks): readonly BillItem[] {
  const weights = gpuWeights(request.model, request.weights, stage, ranks);
  return [
    {
      line: 'weights',
      label: textLabel(request, stage),
      bytes: exactly(Math.max(0, weights.text - request.cpuOffloadBytes)),
      isInBudget: true,
    },
    ...visionTerm(weights.vision, request.engine.vision(request) === 'yes'),
    ...draftTerm(request.draftBytes),
    ...ropeTerm(request),
    ...loraTerm(request, stage, ranks.tensor),
  ];
}
