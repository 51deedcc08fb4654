import type { WorkloadKind } from './kind.ts';
import * as cronJob from './kinds/cron-job.ts';
import * as daemonSet from './kinds/daemon-set.ts';
import * as deployment from './kinds/deployment.ts';
import * as job from './kinds/job.ts';
import * as jobSet from './kinds/job-set.ts';
import * as leaderWorkerSet from './kinds/leader-worker-set.ts';
import * as pod from './kinds/pod.ts';
import * as replicaSet from './kinds/replica-set.ts';
import * as statefulSet from './kinds/stateful-set.ts';

/** Every kind that is judged: what the webhook registers, one file each in kinds/. */
export const WORKLOAD_KINDS: readonly WorkloadKind[] = [
  cronJob,
  daemonSet,
  deployment,
  job,
  jobSet,
  leaderWorkerSet,
  pod,
  replicaSet,
  statefulSet,
];

export function findKind(group: string, kind: string): WorkloadKind | null {
  return WORKLOAD_KINDS.find((known) => known.kind === kind && known.group === group) ?? null;
}

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** `apps/v1` → apps, v1; `v1` → '' (the core group), v1. null where the text is neither. */
export function parseApiVersion(apiVersion: string): GroupVersion | null {
  const slash = apiVersion.indexOf('/');
  if (slash < 0) return apiVersion === '' ? null : { group: '', version: apiVersion };
  const [group, version] = [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  return group === '' || version === '' || version.includes('/') ? null : { group, version };
}
