import type { EngineReading, Reading } from '../engine/types.ts';
import { type Finding, finding, type JsonPath } from '../findings.ts';
import type { Intent } from './types.ts';

export type ParallelPart = Pick<
  Intent,
  | 'tensorParallel'
  | 'pipelineParallel'
  | 'dataParallel'
  | 'dataParallelLocal'
  | 'copies'
  | 'isExpertParallel'
  | 'nodes'
>;

const ONE_GPU: ParallelPart = {
  tensorParallel: null,
  pipelineParallel: null,
  dataParallel: 1,
  dataParallelLocal: null,
  copies: 1,
  isExpertParallel: false,
  nodes: null,
};

/**
 * How the launch spreads the model over GPUs.
 * @param isHidden flags may stand where we cannot read them.
 * @returns null when a size that decides cannot be read.
 */
export function readParallel(
  reading: EngineReading | null,
  isHidden: boolean,
  findings: Finding[],
): ParallelPart | null {
  if (reading === null) return ONE_GPU;
  const unreadable = unreadableSizes(reading, isHidden);
  for (const path of unreadable) {
    const message =
      'the parallel size may be set here, but cannot be read; repeat it in vramgate.io/engine-args';
    findings.push(finding('unknown-value', path, message));
  }
  if (unreadable.length > 0) return null;
  const expert = reading.expertParallel;
  const { tensorParallel, dataParallel, dataParallelLocal, copies } = ranks(reading, findings);
  return {
    tensorParallel,
    pipelineParallel: setValue(reading.pipelineParallel),
    dataParallel,
    dataParallelLocal,
    copies,
    isExpertParallel: expert.state === 'set' && expert.value !== false && expert.value !== 1,
    nodes: reading.nodes.state === 'unknown' ? 'unknown' : setValue(reading.nodes),
  };
}

function unreadableSizes(reading: EngineReading, isHidden: boolean): readonly JsonPath[] {
  const sizes = [
    reading.tensorParallel,
    reading.pipelineParallel,
    reading.dataParallel,
    reading.dataParallelLocal,
  ];
  const unreadable: JsonPath[] = [];
  for (const size of sizes) if (size.state === 'unknown') unreadable.push(size.path);
  if (isHidden && reading.tensorParallel.state === 'absent') unreadable.push(reading.containerPath);
  return unreadable;
}

type Ranks = Pick<ParallelPart, 'tensorParallel' | 'dataParallel' | 'dataParallelLocal' | 'copies'>;

/**
 * What data parallelism means to the engine (engine-flags.md §6): vLLM's ranks share the experts among them; SGLang's
 * are copies of the whole model, unless its attention alone is data-parallel within the tensor-parallel group, as
 * TensorRT-LLM's is over all of it.
 */
function ranks(reading: EngineReading, findings: Finding[]): Ranks {
  const tensor = setValue(reading.tensorParallel);
  const data = setValue(reading.dataParallel) ?? 1;
  if (reading.hasDpAttention) return attentionRanks(reading, tensor ?? 1, findings);
  if (reading.dataParallelKind === 'copies') {
    return { tensorParallel: tensor, dataParallel: 1, dataParallelLocal: null, copies: data };
  }
  const local = setValue(reading.dataParallelLocal);
  return {
    tensorParallel: tensor,
    dataParallel: Math.max(data, local ?? 1),
    dataParallelLocal: local,
    copies: 1,
  };
}

function attentionRanks(reading: EngineReading, tensor: number, findings: Finding[]): Ranks {
  const asked = setValue(reading.dataParallel);
  const data = reading.dataParallelKind === 'copies' ? (asked ?? 1) : tensor;
  if (tensor % data !== 0) {
    const path = reading.dataParallel.state === 'absent' ? reading.containerPath : reading.dataParallel.path;
    const message = `attention over ${data} data-parallel ranks needs a tensor-parallel size that ${data} divides, not ${tensor}`;
    findings.push(finding('malformed-flag', path, message));
    return { tensorParallel: tensor, dataParallel: 1, dataParallelLocal: null, copies: 1 };
  }
  return { tensorParallel: tensor / data, dataParallel: data, dataParallelLocal: null, copies: 1 };
}

function setValue(reading: Reading<number>): number | null {
  return reading.state === 'set' ? reading.value : null;
}
