import type { ClusterApi } from '../../cluster/api.ts';
import { ApiError, isStatus } from '../../cluster/errors.ts';
import { resourcePath } from '../../cluster/paths.ts';
import { LIVE_PODS } from '../../cluster/pods.ts';
import { isRecord } from '../../workload/json-value.ts';
import type { WorkloadKind } from '../../workload/kind.ts';
import { WORKLOAD_KINDS } from '../../workload/registry.ts';
import { textAt } from '../judge.ts';

/** One object of the cluster, with the path that reads it. */
export interface Found {
  readonly path: string;
  readonly object: Readonly<Record<string, unknown>>;
}

function pathOf(kind: WorkloadKind, namespace: string | null): string {
  const { group, version, resource } = kind;
  return resourcePath({ group, version, resource, ...(namespace !== null && { namespace }) });
}

// Items of a list carry neither apiVersion nor kind: the list's own stands for them.
function foundOf(kind: WorkloadKind, item: unknown): readonly Found[] {
  if (!isRecord(item)) return [];
  const { group, version, resource } = kind;
  const { metadata } = item;
  const address = {
    group,
    version,
    resource,
    namespace: textAt(metadata, 'namespace') ?? '',
    name: textAt(metadata, 'name') ?? '',
  };
  const apiVersion = group === '' ? version : `${group}/${version}`;
  return [{ path: resourcePath(address), object: { ...item, apiVersion, kind: kind.kind } }];
}

async function* objectsOf(
  api: ClusterApi,
  kind: WorkloadKind,
  namespace: string | null,
): AsyncGenerator<Found> {
  const options = kind.kind === 'Pod' ? LIVE_PODS : {};
  for await (const { items } of api.list(pathOf(kind, namespace), options)) {
    for (const item of items) yield* foundOf(kind, item);
  }
}

/**
 * Every object of the registered kinds, page by page. A kind whose API the cluster does not have has no objects; one
 * that may not be listed is told to `onUnseen` in one sentence. @throws ApiUnreachable
 */
export async function* workloadsOf(
  api: ClusterApi,
  namespace: string | null,
  onUnseen: (problem: string, kind: WorkloadKind) => void,
): AsyncGenerator<Found> {
  for (const kind of WORKLOAD_KINDS) {
    try {
      yield* objectsOf(api, kind, namespace);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!isStatus(error, 404)) onUnseen(`${kind.resource} cannot be listed: ${error.message}`, kind);
    }
  }
}
