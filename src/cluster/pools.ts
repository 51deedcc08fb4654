import type { KnownPools, PoolKind } from '../inventory/known-pools.ts';
import { resourcePath } from './paths.ts';
import type { ObjectSink } from './reflector.ts';
import { RegisterSink } from './register-sink.ts';
import type { Versions } from './served.ts';

/** One API whose objects promise nodes, or narrow what others promise. A cluster has some or none; they may come later. */
export interface PoolApi {
  readonly kind: PoolKind;
  readonly resource: string;
  readonly paths: Versions;
}

export const POOL_APIS: readonly PoolApi[] = [
  {
    kind: 'NodePool',
    resource: 'nodepools',
    paths: [resourcePath({ group: 'karpenter.sh', version: 'v1', resource: 'nodepools' })],
  },
  {
    kind: 'EC2NodeClass',
    resource: 'ec2nodeclasses',
    paths: [resourcePath({ group: 'karpenter.k8s.aws', version: 'v1', resource: 'ec2nodeclasses' })],
  },
  {
    kind: 'NodeClass',
    resource: 'nodeclasses',
    paths: [resourcePath({ group: 'eks.amazonaws.com', version: 'v1', resource: 'nodeclasses' })],
  },
  {
    kind: 'ComputeClass',
    resource: 'computeclasses',
    paths: [resourcePath({ group: 'cloud.google.com', version: 'v1', resource: 'computeclasses' })],
  },
  {
    kind: 'ResourceFlavor',
    resource: 'resourceflavors',
    paths: [
      resourcePath({ group: 'kueue.x-k8s.io', version: 'v1beta2', resource: 'resourceflavors' }),
      resourcePath({ group: 'kueue.x-k8s.io', version: 'v1beta1', resource: 'resourceflavors' }),
    ],
  },
];

export function poolSink(known: KnownPools, kind: PoolKind, onChange: () => void): ObjectSink {
  return new RegisterSink(
    {
      names: () => known.names(kind),
      put: (object) => {
        known.put(kind, object);
        return true;
      },
      remove: (name) => known.remove(kind, name),
    },
    onChange,
  );
}
