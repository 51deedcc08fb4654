import { type Environment, variableState } from './environment.ts';
import { ABSENT, type Reading } from './types.ts';

/**
 * Variables that hide GPUs from a process: CUDA's (CUDA Programming Guide, 5.2.1.1), which HIP takes as well, and those of
 * ROCm (ROCm 7.1 documentation, "GPU isolation variables"). What the device plugin sets for the container
 * (`NVIDIA_VISIBLE_DEVICES`) is no affair of the author's.
 */
const VARIABLES = ['CUDA_VISIBLE_DEVICES', 'HIP_VISIBLE_DEVICES', 'ROCR_VISIBLE_DEVICES'];

/** An index, or an identifier of a GPU or a slice. */
const DEVICE = /^(?:\d{1,3}|(?:GPU|MIG)-[\w/-]{1,96})$/;

/**
 * How many GPUs a variable lets the engine see; `text` is the variable's name. CUDA takes entries up to the first that
 * names no device, so that an empty value and `-1` hide all. An entry twice is an error, and no number of ours.
 */
export function readVisibleGpus(environment: Environment): Reading<number> {
  for (const name of VARIABLES) {
    const found = variableState(environment, name);
    if (found.state === 'absent') continue;
    const { path } = found;
    const count = found.state === 'known' ? countDevices(found.text) : null;
    return count === null
      ? { state: 'unknown', path, text: name }
      : { state: 'set', value: count, path, text: name };
  }
  return ABSENT;
}

function countDevices(text: string): number | null {
  const seen = new Set<string>();
  for (const entry of text.split(',', MOST_ENTRIES)) {
    const device = entry.trim();
    if (!DEVICE.test(device)) break;
    if (seen.has(device)) return null;
    seen.add(device);
  }
  return seen.size;
}

/** Sixteen times the devices of the largest node. */
const MOST_ENTRIES = 256;
