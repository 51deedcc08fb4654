import type { Draft } from './classes.ts';
import { isFields } from './fields.ts';
import { fieldsAt, listAt, nameOf, textAt } from './foreign.ts';
import { GKE, INSTANCE_TYPE } from './keys.ts';
import { draftOfPool, type PoolCatalog } from './pool.ts';

/** Selects the class; GKE adds the toleration of its taint to pods that do (node-labels.csv, GKE). */
const COMPUTE_CLASS = 'cloud.google.com/compute-class';

/** `a3-highgpu-8g`: neither EC2's and OCI's dots nor Azure's underscores. */
const GCE_TYPE = /^[a-z]\d+x?-[a-z0-9-]+$/;

function countAt(value: unknown): number | null {
  const count = isFields(value) ? value['count'] : null;
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : null;
}

/** A priority that names the GPU leaves the machine to GKE, which has one kind of them for each GPU and count. */
function withMachines(draft: Draft, { catalog }: PoolCatalog): Draft {
  if (draft.labels.has(INSTANCE_TYPE)) return draft;
  const { device, gpusPerNode } = draft;
  const names = catalog.instanceTypes.flatMap(({ name, product, gpus }) =>
    product === device?.product && gpus === gpusPerNode && GCE_TYPE.test(name) ? [name] : [],
  );
  if (names.length === 0) return draft;
  return { ...draft, varyingLabels: new Map([...draft.varyingLabels, [INSTANCE_TYPE, new Set(names)]]) };
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
    const promised = { identity, labels, varying: new Map(), taints: [], gpus: count, isReady: true };
    const draft = draftOfPool(promised, pools);
    return draft === null ? [] : [withMachines(draft, pools)];
  });
}
