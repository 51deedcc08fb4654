import type { Draft } from './classes.ts';
import { isFields } from './fields.ts';
import { fieldsAt, listAt, nameOf, textAt } from './foreign.ts';
import { GKE, INSTANCE_TYPE } from './keys.ts';
import { draftOfPool, type PoolCatalog } from './pool.ts';

/** Selects the class; GKE adds the toleration of its taint to pods that do (node-labels.csv, GKE). */
const COMPUTE_CLASS = 'cloud.google.com/compute-class';

function countAt(value: unknown): number | null {
  const count = isFields(value) ? value['count'] : null;
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : null;
}

/** GKE's ComputeClass (cloud.google.com/v1): each priority names a machine type, or a GPU type and count. */
export function readComputeClass(object: unknown, pools: PoolCatalog): readonly Draft[] {
  const name = nameOf(object);
  return listAt(fieldsAt(object, 'spec'), 'priorities').flatMap((priority, at) => {
    const gpu = fieldsAt(priority, 'gpu');
    const [machine, accelerator, count] = [
      textAt(priority, 'machineType'),
      textAt(gpu, 'type'),
      countAt(gpu),
    ];
    const labels = new Map([
      [COMPUTE_CLASS, name],
      ...(machine === null ? [] : [[INSTANCE_TYPE, machine] as const]),
      ...(accelerator === null ? [] : [[GKE.accelerator, accelerator] as const]),
      ...(count === null ? [] : [['cloud.google.com/gke-accelerator-count', String(count)] as const]),
    ]);
    const identity = `computeclass ${name} ${at}`;
    const draft = draftOfPool({ identity, labels, varying: new Map(), taints: [], gpus: count }, pools);
    return draft === null ? [] : [draft];
  });
}
