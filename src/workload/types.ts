import type { JsonPath } from '../findings.ts';

/** User-keyed maps never become plain objects: a `__proto__` key stays data. */
export type StringMap = ReadonlyMap<string, string>;

/** Where the value of an environment variable comes from; only `literal` ones can be read at admission. */
export type EnvSource = 'literal' | 'config-map' | 'secret' | 'field' | 'resource' | 'file';

export interface EnvVar {
  readonly name: string;
  /** null unless `source` is `literal` (an absent value is the empty string, as the kubelet takes it). */
  readonly value: string | null;
  readonly source: EnvSource;
  readonly path: JsonPath;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
}

export interface Container {
  readonly path: JsonPath;
  readonly name: string;
  readonly image: string | null;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
  /** ConfigMaps or Secrets whose keys become variables that we cannot see. */
  readonly hasEnvFrom: boolean;
  /** Valid quantities as text (`"8"`, `"128Gi"`), by resource name; custom resources keep what was written (`8000m`). */
  readonly limits: StringMap;
  readonly requests: StringMap;
  readonly volumeMounts: readonly VolumeMount[];
  readonly isInit: boolean;
  /** An init container with restartPolicy Always: it runs beside the others (a native sidecar). */
  readonly isSidecar: boolean;
  readonly hasClaims: boolean;
}

export type NodeSelectorOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

export interface NodeSelectorRequirement {
  readonly key: string;
  readonly operator: NodeSelectorOperator;
  readonly values: readonly string[];
}

export interface NodeSelectorTerm {
  readonly matchExpressions: readonly NodeSelectorRequirement[];
  readonly matchFields: readonly NodeSelectorRequirement[];
}

export interface Toleration {
  readonly key: string | null;
  /** `Gt` and `Lt` compare whole numbers, where the cluster has TaintTolerationComparisonOperators on (KEP-5471). */
  readonly operator: 'Exists' | 'Equal' | 'Gt' | 'Lt';
  readonly value: string;
  readonly effect: string | null;
}

export interface Volume {
  readonly name: string;
  /** `Memory` for a tmpfs emptyDir, '' for a disk-backed one, null for any other kind of volume. */
  readonly emptyDirMedium: string | null;
  readonly sizeLimit: string | null;
}

export interface PodSpec {
  readonly path: JsonPath;
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
  readonly nodeSelector: StringMap;
  /** requiredDuringSchedulingIgnoredDuringExecution terms (ORed); null when there is none. */
  readonly requiredNodeAffinity: readonly NodeSelectorTerm[] | null;
  readonly tolerations: readonly Toleration[];
  readonly schedulerName: string | null;
  readonly schedulingGates: readonly string[];
  readonly resourceClaims: number;
  readonly nodeName: string | null;
  readonly volumes: readonly Volume[];
  /** `hostIPC`: the pod sees the host's /dev/shm. */
  readonly sharesHostIpc: boolean;
}

/** One pod template of a workload. A bare Pod is its own template at path []. */
export interface PodTemplate {
  /** Path of the object that holds `metadata` and `spec` of the pod. */
  readonly path: JsonPath;
  /** `pod`, or the name of the role: `leader`, `worker`, a JobSet's replicated job. */
  readonly role: string;
  readonly labels: StringMap;
  readonly annotations: ReadonlyMap<string, unknown>;
  readonly spec: PodSpec;
  /** Pods of this template in one serving replica (LWS workers: size - 1), or per job run (parallelism). */
  readonly podsPerReplica: number;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** What a rolling update adds beside the running pods; null where the kind does not surge. */
export interface RolloutSurge {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export interface Workload {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly generateName: string | null;
  /** The object's own metadata. */
  readonly labels: StringMap;
  readonly annotations: ReadonlyMap<string, unknown>;
  /** The controller owner reference, when there is one. */
  readonly controller: OwnerReference | null;
  readonly isTerminating: boolean;
  readonly replicas: number;
  /** LeaderWorkerSet group size; 1 for every other kind. */
  readonly groupSize: number;
  readonly surge: RolloutSurge | null;
  /** True where the API server refuses changes of the template on UPDATE (Pod, unsuspended Job …). */
  readonly isTemplateImmutable: boolean;
  readonly templates: readonly PodTemplate[];
}
