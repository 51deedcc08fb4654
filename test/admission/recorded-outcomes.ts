/**
 * What the contract (§5) answers to each of the 36 requests that a real API server sent, with eight-GPU H100 nodes
 * known. `ignore`: no verdict was given, because the request is none of ours or lets an object go.
 */
export interface RecordedOutcome {
  readonly file: string;
  readonly verdict: 'ignore' | 'allow' | 'warn' | 'deny';
  /** Finding codes of the verdict; empty where nothing was found. */
  readonly codes: readonly string[];
  readonly why: string;
}

function left(file: string, why: string): RecordedOutcome {
  return { file: `${file}.json`, verdict: 'ignore', codes: [], why };
}

function judged(
  file: string,
  verdict: RecordedOutcome['verdict'],
  codes: readonly string[],
  why: string,
): RecordedOutcome {
  return { file: `${file}.json`, verdict, codes, why };
}

export const RECORDED_OUTCOMES: readonly RecordedOutcome[] = [
  left('01-apply-create.deployment-controller.create.replicaset', 'the Deployment that owns it was judged'),
  left('01-apply-create.deployment-controller.update.deployment-status', 'a status write'),
  left('01-apply-create.kube-scheduler.create.binding-binding', 'a binding'),
  left('01-apply-create.replicaset-controller.create.pod', 'the ReplicaSet owns it'),
  judged('01-apply-create.user.create.deployment', 'allow', [], 'Scout in 4 bit, 128K, two H100: fits'),
  left('01-apply-create.user.update.pod-status', 'a status write'),
  left('02-apply-update.deployment-controller.update.replicaset', 'the Deployment that owns it was judged'),
  left('02-apply-update.replicaset-controller.delete.pod', 'a DELETE'),
  left('02-apply-update.user.delete.pod', 'a DELETE'),
  judged(
    '02-apply-update.user.update.deployment',
    'warn',
    ['intent-conflict'],
    'annotated 128K, the flag runs 64K: the larger is judged, and fits',
  ),
  left('03-scale.user.update.scale-scale', 'a Scale'),
  judged('04-annotate.user.update.deployment', 'warn', ['intent-conflict'], 'metadata only, still as before'),
  judged('05-restart.user.update.deployment', 'warn', ['intent-conflict'], 'a restart changes no input'),
  judged('06-set-image.user.update.deployment', 'warn', ['intent-conflict'], 'fits with vLLM 0.20 as well'),
  judged('07-ssa-dryrun.user.update.deployment', 'allow', [], 'a dry run is judged like any other'),
  judged('08-ssa-new.user.create.deployment', 'allow', [], 'fits'),
  left('09-delete.generic-garbage-collector.delete.pod', 'a DELETE'),
  left('09-delete.generic-garbage-collector.delete.replicaset', 'a DELETE'),
  left('09-delete.user.delete.deployment', 'a DELETE'),
  left('10-delete-foreground.generic-garbage-collector.update.deployment', 'terminating'),
  left('10-delete-foreground.generic-garbage-collector.update.replicaset', 'terminating'),
  left('10-delete-foreground.user.delete.deployment', 'a DELETE'),
  left('11-generate-name.job-controller.create.pod', 'the Job owns it'),
  judged(
    '11-generate-name.user.create.job',
    'warn',
    ['unknown-value'],
    'training without a readable context',
  ),
  judged(
    '12-bare-pod.user.create.pod',
    'deny',
    ['default-context', 'unused-gpus', 'does-not-fit'],
    'without a flag vLLM runs one of the eight GPUs, with ten million tokens',
  ),
  left('13-debug.user.update.pod-ephemeralcontainers', 'a subresource'),
  left('14-evict.user.create.eviction-eviction', 'an eviction'),
  judged(
    '15-cronjob.user.create.cronjob',
    'warn',
    ['default-context', 'no-node-fits', 'missing-shm'],
    'Maverick with a million tokens: larger GPUs carry it, but no node that is known',
  ),
  left('16-statefulset.statefulset-controller.create.pod', 'the StatefulSet owns it'),
  left('16-statefulset.statefulset-controller.update.statefulset-status', 'a status write'),
  judged(
    '16-statefulset.user.create.statefulset',
    'warn',
    ['no-node-fits', 'missing-shm'],
    'the same on SGLang',
  ),
  left('17-deletecollection.user.update.pod', 'the Job owns it, and it is terminating'),
  left('18-patch-finalizer.user.delete.statefulset', 'a DELETE'),
  judged(
    '18-patch-finalizer.user.update.statefulset',
    'warn',
    ['no-node-fits', 'missing-shm'],
    'a finalizer is added to what warned before',
  ),
  left('19-remove-finalizer.user.update.statefulset', 'terminating: the finalizer must be able to go'),
  left('20-v1beta-hpa.node-controller.update.pod-status', 'a status write'),
];
