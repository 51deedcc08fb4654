import type { PlannedContainer, PlannedSpec } from './unit.ts';

const SHARED_MEMORY = '/dev/shm';

/**
 * True where /dev/shm is larger than the 64 MiB that a container gets by itself: the host's, a memory-backed emptyDir,
 * or a volume of another kind, of which nothing more is known here. A disk-backed emptyDir is no shared memory.
 */
export function hasSharedMemory(spec: PlannedSpec, { volumeMounts }: PlannedContainer): boolean {
  if (spec.sharesHostIpc) return true;
  const mount = volumeMounts.find((one) => one.mountPath.replace(/\/+$/, '') === SHARED_MEMORY);
  const volume = spec.volumes.find((one) => one.name === mount?.name);
  return volume !== undefined && volume.emptyDirMedium !== '';
}
