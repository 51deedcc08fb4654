import { type Asking, effectiveGpuRequest } from '../workload/gpu-request.ts';
import { type Fields, isFields } from './fields.ts';
import { fieldsAt, labelsOf, listAt, nameOf, textAt } from './foreign.ts';
import { vendorOf } from './resources.ts';

/** A pod that asks for GPUs and has not ended. */
export interface GpuPod {
  /** null: not scheduled yet. */
  readonly node: string | null;
  /** What the scheduler counts, by resource; none is 0. */
  readonly devices: ReadonlyMap<string, number>;
}

/** Of pods, which have namespaces. */
export function podKey(object: unknown): string {
  return `${textAt(fieldsAt(object, 'metadata'), 'namespace') ?? ''}/${nameOf(object)}`;
}

/** What has ended holds nothing; what is only being ended still does (kubernetes pkg/scheduler, NodeInfo.AddPod). */
const ENDED: readonly unknown[] = ['Succeeded', 'Failed'];

/** null: without GPUs, which is most pods, or ended. */
export function readGpuPod(object: unknown): GpuPod | null {
  const spec = fieldsAt(object, 'spec');
  const asking = {
    containers: containersAt(spec, 'containers'),
    initContainers: containersAt(spec, 'initContainers'),
  };
  const resources = new Set([...asking.containers, ...asking.initContainers].flatMap(gpusNamed));
  if (resources.size === 0 || ENDED.includes(fieldsAt(object, 'status')['phase'])) return null;
  const devices = new Map<string, number>();
  for (const resource of resources) {
    const count = effectiveGpuRequest(asking, resource) ?? 0;
    if (count > 0) devices.set(resource, count);
  }
  return devices.size === 0 ? null : { node: textAt(spec, 'nodeName'), devices };
}

function containersAt(spec: Fields, key: string): readonly Asking[] {
  return listAt(spec, key).flatMap((one) => {
    const limits = labelsOf(fieldsAt(one, 'resources', 'limits'));
    const requests = labelsOf(fieldsAt(one, 'resources', 'requests'));
    if (limits.size === 0 && requests.size === 0) return [];
    return [{ limits, requests, isSidecar: isFields(one) && one['restartPolicy'] === 'Always' }];
  });
}

function gpusNamed({ limits, requests }: Asking): readonly string[] {
  return [...limits.keys(), ...requests.keys()].filter((resource) => vendorOf(resource) !== null);
}
