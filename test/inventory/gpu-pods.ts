export interface PodParts {
  readonly name?: string;
  readonly namespace?: string;
  /** Left out: not scheduled yet. */
  readonly node?: string;
  /** Limits of its one container; the API server writes the same as requests. */
  readonly limits?: Readonly<Record<string, string>>;
  readonly phase?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A Pod as the API server returns it, with only what matters: 8 GPUs on a node where nothing else is said. */
export function gpuPod(parts: PodParts = {}) {
  const { limits = { 'nvidia.com/gpu': '8' }, node, phase = 'Running' } = parts;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: parts.name ?? 'p', namespace: parts.namespace ?? 'ml', ...parts.metadata },
    spec: {
      ...(node !== undefined && { nodeName: node }),
      containers: [{ name: 'server', resources: { limits, requests: limits } }],
      ...parts.spec,
    },
    status: { phase },
  };
}
