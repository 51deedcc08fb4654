/** Manifests that the cases apply: a vLLM Deployment as its documentation writes one, with our annotations. */

export interface ScoutSettings {
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** null: the author asks for none. */
  readonly gpus?: number | null;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly replicas?: number;
  /** ResourceClaimTemplate that the GPUs come by. */
  readonly claimTemplate?: string;
}

export const W4A16 = 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16';
export const BF16 = 'meta-llama/Llama-4-Scout-17B-16E-Instruct';
export const H100 = 'NVIDIA-H100-80GB-HBM3';
export const ON_H100 = { 'nvidia.com/gpu.product': H100 };
export const GPU_TOLERATION = { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' };

/** Annotated, and nothing filled in. */
export const SCOUT_128K = {
  'vramgate.io/model': 'scout',
  'vramgate.io/context': '128K',
  'vramgate.io/quantization': 'w4a16',
};

export type Manifest = Readonly<Record<string, unknown>>;

function podTemplate(settings: ScoutSettings): Manifest {
  const { name, gpus = null, nodeSelector, claimTemplate } = settings;
  const resources = gpus === null ? {} : { resources: { limits: { 'nvidia.com/gpu': String(gpus) } } };
  return {
    metadata: { labels: { app: name } },
    spec: {
      ...(claimTemplate !== undefined && {
        resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: claimTemplate }],
      }),
      ...(nodeSelector !== undefined && { nodeSelector, tolerations: [GPU_TOLERATION] }),
      containers: [
        {
          name: 'vllm',
          image: 'vllm/vllm-openai:v0.11.0',
          args: settings.args ?? ['--model', W4A16, '--max-model-len=131072'],
          ...resources,
        },
      ],
    },
  };
}

export function scoutDeployment(settings: ScoutSettings): Manifest {
  const { name, annotations = SCOUT_128K, replicas = 1 } = settings;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: podTemplate(settings) },
  };
}

/** Stays as it is: twice the H100 that its bill needs, and a flag that uses them. */
export function fittingScout(name: string): Manifest {
  return scoutDeployment({
    name,
    args: [W4A16, '--max-model-len=131072', '--tensor-parallel-size=4'],
    gpus: 4,
    nodeSelector: ON_H100,
  });
}

/** bf16 weights and a million tokens: eight H100 by the bill, and the author has four. */
export const MILLION = { 'vramgate.io/model': 'scout', 'vramgate.io/context': '1M' };

/** Refused, as it needs more than its author gives it. */
export function undersizedScout(
  settings: Pick<ScoutSettings, 'name' | 'annotations' | 'replicas'>,
): Manifest {
  return scoutDeployment({
    annotations: MILLION,
    args: ['--model', BF16, '--max-model-len=1048576', '--tensor-parallel-size=4'],
    gpus: 4,
    nodeSelector: ON_H100,
    ...settings,
  });
}

/** Eight GPUs for a model that no catalog knows. */
export function unknownModel(settings: Pick<ScoutSettings, 'name' | 'replicas'>): Manifest {
  return scoutDeployment({
    annotations: { 'vramgate.io/model': 'llama-5-huge' },
    args: ['--model', 'example.com/llama-5-huge', '--tensor-parallel-size=8'],
    gpus: 8,
    nodeSelector: ON_H100,
    ...settings,
  });
}

/** The same serving Pod under another kind: a StatefulSet, or a Job that serves a batch and ends. */
export function scoutWorkload(kind: 'StatefulSet' | 'Job', settings: ScoutSettings): Manifest {
  const { name, annotations = SCOUT_128K } = settings;
  const template = podTemplate(settings);
  const isJob = kind === 'Job';
  const spec = template['spec'];
  const jobTemplate = {
    ...template,
    spec: { ...(typeof spec === 'object' ? spec : {}), restartPolicy: 'Never' },
  };
  return {
    apiVersion: isJob ? 'batch/v1' : 'apps/v1',
    kind,
    metadata: { name, annotations },
    spec: isJob
      ? { template: jobTemplate }
      : { serviceName: name, replicas: 1, selector: { matchLabels: { app: name } }, template },
  };
}

/** What the start of a file asks for until the webhooks answer. */
export const PROBE = 'webhook-probe';

/** A context that is no number: refused at once, whatever the inventory. */
export function malformedDeployment(): Manifest {
  return scoutDeployment({ name: PROBE, annotations: { ...SCOUT_128K, 'vramgate.io/context': 'banana' } });
}
