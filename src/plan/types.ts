import type { Catalog } from '../catalog/types.ts';
import type { EngineName } from '../engine/types.ts';
import type { Finding, FindingCode, JsonPath } from '../findings.ts';
import type { Intent } from '../intent/types.ts';
import type { Taint } from '../placement/taints.ts';
import type { Bill, DeviceShape, Fit, Parallel, Spread } from '../sizing/shapes.ts';
import type { Bytes } from '../units.ts';
import type { GpuForm } from '../workload/gpu-request.ts';

export type { EngineSettings, Intent, Origin, Stated } from '../intent/types.ts';
export type { Taint } from '../placement/taints.ts';

export type Mode = 'enforce' | 'warn' | 'audit';

/** What an operator decides. Every field has a default in `config/`; a policy is a frozen value with a hash. */
export interface Policy {
  readonly mode: Mode;
  /** Floor under a namespace's own label; null: a tenant may choose. */
  readonly minimumMode: Mode | null;
  /** Finding codes whose mode differs from the global one. */
  readonly codeModes: ReadonlyMap<FindingCode, Mode>;
  readonly unknown: 'warn' | 'deny' | 'allow';
  readonly capacity: 'warn' | 'deny' | 'ignore';
  readonly unannotated: 'ignore' | 'warn' | 'judge';
  /** `complete` promises that every shape this cluster can have is in the inventory. */
  readonly inventory: 'partial' | 'complete';
  readonly disclose: boolean;
  readonly method: 'computed' | 'published';
  readonly defaultEngine: EngineName | null;
  /** Catalog product to assume where nothing names a GPU and no inventory is known. */
  readonly defaultGpu: string | null;
  /** Products in order of preference; empty: least total memory, then fewest GPUs, then name. */
  readonly preferGpus: readonly string[];
  /** Price of one GPU hour by product (any unit); beats `preferGpus` where every GPU that is compared has one. */
  readonly prices: ReadonlyMap<string, number>;
  readonly placement: 'node-selector' | 'affinity';
  /** What a flag that cannot be added does: refuse, or warn. */
  readonly missingFlag: 'deny' | 'warn';
  /** Bytes per GPU kept free beyond the bill. */
  readonly headroomBytes: Bytes;
  /** Taint keys (with optional value) that we may tolerate beside the GPU resource's own name. */
  readonly gpuTaints: readonly { readonly key: string; readonly value: string | null }[];
  /** Who may exempt; empty lists: everyone. Checked only when the annotation is added or changed. */
  readonly exemptions: {
    readonly users: readonly string[];
    readonly groups: readonly string[];
    readonly namespaces: readonly string[];
  };
  /** Hash of the configuration that this policy came from. */
  readonly hash: string;
}

/** Why a class of nodes cannot be used as N whole, exclusive GPUs. */
export type Sharing = 'none' | 'mig' | 'time-slicing' | 'mps' | 'mixed-models' | 'invalid' | 'not-ready';

/**
 * Nodes that are equal for every decision: same device, count, labels (but for the per-node ones) and taints.
 * A pool at zero and a declared shape are classes with no nodes yet.
 */
export interface NodeClass {
  /** Stable and readable: `8x NVIDIA-H100-80GB-HBM3`, with a suffix where two classes would be equal. */
  readonly id: string;
  /** null: the memory of the device is not known. */
  readonly device: DeviceShape | null;
  readonly resource: string;
  readonly gpusPerNode: number;
  readonly nodes: number;
  /** Labels equal on all nodes of the class. */
  readonly labels: ReadonlyMap<string, string>;
  /** Keys whose value differs from node to node (kubernetes.io/hostname …), with the values seen. */
  readonly varyingLabels: ReadonlyMap<string, ReadonlySet<string>>;
  readonly nodeNames: ReadonlySet<string>;
  readonly taints: readonly Taint[];
  readonly sharing: Sharing;
  readonly source: 'node' | 'pool' | 'declared';
  /**
   * Labels that choose this class's shape, best first: `nvidia.com/gpu.product`, `cloud.google.com/gke-accelerator` …
   * Where no single one does, two that do together.
   */
  readonly placementKeys: readonly string[];
}

/** Nodes by how many of their devices no pod holds. */
export type FreeCounts = ReadonlyMap<number, number>;

/**
 * Of one class's nodes as they are now; null where nobody knows. Pods come and go while the classes stay, so this looks
 * at what is there when it is asked: within one decision, which is never interrupted, that is one moment.
 */
export type FreeDevices = (nodeClass: NodeClass) => FreeCounts | null;

export type Inventory =
  | { readonly state: 'unknown'; readonly reason: string }
  | {
      readonly state: 'known';
      readonly classes: readonly NodeClass[];
      readonly ageSeconds: number | null;
      /** Left out: no pods are known. */
      readonly free?: FreeDevices;
    };

/** What planning knows beside the workload: immutable snapshots, swapped whole, passed in. */
export interface PlanFacts {
  readonly catalog: Catalog;
  readonly inventory: Inventory;
  readonly policy: Policy;
}

/** What we want changed, in the words of the domain; `admission/json-patch` lowers it to RFC 6902. */
export type Edit =
  | {
      readonly kind: 'set-gpu-count';
      readonly container: JsonPath;
      readonly resource: string;
      readonly count: number;
    }
  | {
      readonly kind: 'set-node-selector';
      readonly podSpec: JsonPath;
      readonly key: string;
      readonly value: string;
    }
  /** Takes the count away where it still is this one; null: whatever it is. */
  | {
      readonly kind: 'remove-gpu-count';
      readonly container: JsonPath;
      readonly resource: string;
      readonly count: number | null;
    }
  /** A null value: whatever it is. */
  | {
      readonly kind: 'remove-node-selector';
      readonly podSpec: JsonPath;
      readonly key: string;
      readonly value: string | null;
    }
  | {
      readonly kind: 'add-node-affinity';
      readonly podSpec: JsonPath;
      readonly key: string;
      readonly operator: 'In' | 'NotIn';
      readonly values: readonly string[];
    }
  | {
      readonly kind: 'remove-node-affinity';
      readonly podSpec: JsonPath;
      readonly key: string;
      readonly operator: 'In' | 'NotIn';
      readonly values: readonly string[];
    }
  | {
      readonly kind: 'add-toleration';
      readonly podSpec: JsonPath;
      readonly key: string;
      readonly effect: string;
    }
  | {
      readonly kind: 'remove-toleration';
      readonly podSpec: JsonPath;
      readonly key: string;
      readonly effect: string;
    }
  | {
      readonly kind: 'append-args';
      readonly list: JsonPath;
      readonly isNew: boolean;
      readonly args: readonly string[];
    }
  | { readonly kind: 'remove-args'; readonly list: JsonPath; readonly args: readonly string[] }
  | { readonly kind: 'replace-arg'; readonly path: JsonPath; readonly value: string }
  /** The variable's last entry gets this literal value, or one is added. Never over a `valueFrom`. */
  | {
      readonly kind: 'set-env';
      readonly container: JsonPath;
      readonly name: string;
      readonly value: string;
    }
  | {
      readonly kind: 'remove-env';
      readonly container: JsonPath;
      readonly name: string;
      readonly value: string;
    }
  /** `metadata` is the path of the metadata object; a null value removes the key. */
  | {
      readonly kind: 'set-annotation';
      readonly metadata: JsonPath;
      readonly key: string;
      readonly value: string | null;
    };

/** The GPUs that one pod asks for, as the author wrote it. */
export interface GpuAsk {
  readonly resource: string;
  /** What the serving containers ask for: the GPUs that the engine sees. */
  readonly count: number;
  /** What the scheduler counts for the whole pod, init containers and sidecars included. */
  readonly scheduled: number;
  readonly form: GpuForm;
  readonly path: JsonPath;
}

/** The chosen way to run: what `plan` prints. `gpus` per pod, `nodes` pods of one replica. */
export interface ChosenPlan {
  readonly resource: string;
  readonly gpus: number;
  readonly shape: string | null;
  readonly tensorParallel: number;
  readonly pipelineParallel: number;
  readonly nodes: number;
}

/** One sizing that a verdict can hang on, and the device it was judged against. */
export interface Judged {
  readonly intent: Intent;
  readonly parallel: Parallel;
  readonly method: 'computed' | 'published';
  /** null for published figures and for training, which have no per-line bill. */
  readonly bill: Bill | null;
  /** Need of the fullest GPU. Published figures have no spread. */
  readonly perGpu: Spread;
  /** All GPUs of one replica. */
  readonly totalBytes: Bytes;
  readonly gpus: number;
  readonly device: DeviceShape | null;
  /** null when no device is known. */
  readonly fit: Fit | null;
}

export interface Remedy {
  /** One sentence, imperative: what to change and what it gives. */
  readonly text: string;
  readonly edits: readonly Edit[];
}

export type Verdict = 'deny' | 'patch' | 'warn' | 'allow' | 'ignore';

/** What the pipeline decides about one object. A plain value; log line, response and CLI are made from it. */
export interface Decision {
  /** `deny` before `patch` before `warn` before `allow`; `ignore` when the object is not ours. By the rules alone, before the mode. */
  readonly verdict: Verdict;
  /** After mode and policy: what the webhook answers. */
  readonly allowed: boolean;
  readonly mode: Mode;
  /** 403 for policy, 422 for malformed; null when allowed. */
  readonly status: 403 | 422 | null;
  readonly findings: readonly Finding[];
  readonly judged: Judged | null;
  readonly plan: ChosenPlan | null;
  readonly edits: readonly Edit[];
  readonly remedies: readonly Remedy[];
  /** First sentence with need against have, findings, ways out: what kubectl prints. Empty when allowed. */
  readonly message: string;
  readonly warnings: readonly string[];
}
