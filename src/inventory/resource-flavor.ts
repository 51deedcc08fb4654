import type { Draft } from './classes.ts';
import { fieldsAt, labelsOf, listAt, nameOf, taintsOf } from './foreign.ts';
import { draftOfPool, type PoolCatalog } from './pool.ts';

/**
 * Kueue's ResourceFlavor (kueue.x-k8s.io): the labels and taints of the nodes behind a quota. It says nothing of
 * sizes, so only one whose labels name a GPU and how many of it promises a node (gpu-catalog.md §7).
 */
export function readResourceFlavor(object: unknown, pools: PoolCatalog): readonly Draft[] {
  const spec = fieldsAt(object, 'spec');
  const draft = draftOfPool(
    {
      identity: `resourceflavor ${nameOf(object)}`,
      labels: labelsOf(fieldsAt(spec, 'nodeLabels')),
      varying: new Map(),
      taints: taintsOf(listAt(spec, 'nodeTaints')),
      gpus: null,
      isReady: true,
    },
    pools,
  );
  return draft === null ? [] : [draft];
}
