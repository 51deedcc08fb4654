import type { SizingRequest } from '../request.ts';
import type { Assumption, DeviceShape } from '../shapes.ts';

export function unknownVersion(title: string, standIn: string): Assumption {
  return {
    fact: 'engine-version',
    text: `${title} version unknown: counted as ${standIn}`,
    settledBy: 'vramgate.io/engine-version',
  };
}

/** Overheads were measured on NVIDIA GPUs. */
export function foreignDevice(title: string, device: DeviceShape | null): readonly Assumption[] {
  if (device === null || device.vendor === 'nvidia') return [];
  return [
    {
      fact: 'overheads',
      text: `${title} overheads were measured on NVIDIA GPUs; the same are taken for ${device.product}`,
      settledBy: null,
    },
  ];
}

/** No run of this engine with this model was measured. */
export function unmeasured(title: string): Assumption {
  return {
    fact: 'overheads',
    text: `${title}: no measured run of this model is known; activations, runtime and graphs are taken as in vLLM`,
    settledBy: null,
  };
}

/** LoRA and speculative decoding, as far as they are not known. */
export function bufferAssumptions(request: SizingRequest): readonly Assumption[] {
  const found: Assumption[] = [];
  if (request.lora !== null) {
    found.push({
      fact: 'overheads',
      text: 'LoRA: buffers for attention, shared experts and dense layers are counted; adapters on routed experts are unknown',
      settledBy: null,
    });
  }
  if (request.draftBytes === 'unknown') {
    found.push({
      fact: 'checkpoint',
      text: 'the size of the speculative draft model is unknown; it is not counted',
      settledBy: null,
    });
  }
  return found;
}
