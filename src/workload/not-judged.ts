interface Product {
  readonly name: string;
  readonly kinds: readonly string[];
}

/**
 * Kinds whose controllers make pods that serve models. By group *and* kind: `InferenceService` belongs to KServe
 * and to OME, `Service` to the core, llmaz and Knative, `StatefulSet` to apps and OpenKruise.
 * Named in engine-flags §3 and §4; groups checked in their repositories (August 2026).
 */
const PRODUCTS: ReadonlyMap<string, Product> = new Map<string, Product>([
  [
    'serving.kserve.io',
    {
      name: 'KServe',
      kinds: [
        'InferenceService',
        'LLMInferenceService',
        'LLMInferenceServiceConfig',
        'ServingRuntime',
        'ClusterServingRuntime',
      ],
    },
  ],
  ['ray.io', { name: 'KubeRay', kinds: ['RayService', 'RayCluster', 'RayJob', 'RayCronJob'] }],
  ['apps.nvidia.com', { name: 'NIM', kinds: ['NIMService', 'NIMPipeline'] }],
  [
    'nvidia.com',
    {
      name: 'Dynamo',
      kinds: ['DynamoGraphDeployment', 'DynamoComponentDeployment', 'DynamoGraphDeploymentRequest'],
    },
  ],
  ['grove.io', { name: 'Grove', kinds: ['PodCliqueSet', 'PodClique', 'PodCliqueScalingGroup'] }],
  ['kaito.sh', { name: 'KAITO', kinds: ['Workspace', 'RAGEngine', 'InferenceSet'] }],
  ['ome.io', { name: 'OME', kinds: ['InferenceService', 'ServingRuntime', 'ClusterServingRuntime'] }],
  ['inference.llmaz.io', { name: 'llmaz', kinds: ['Playground', 'Service'] }],
  [
    'orchestration.aibrix.ai',
    { name: 'AIBrix', kinds: ['StormService', 'RoleSet', 'RayClusterFleet', 'RayClusterReplicaSet'] },
  ],
  ['workloads.x-k8s.io', { name: 'RBG', kinds: ['RoleBasedGroup', 'RoleBasedGroupSet', 'InstanceSet'] }],
  ['workload.serving.volcano.sh', { name: 'Kthena', kinds: ['ModelServing'] }],
  ['kubeai.org', { name: 'KubeAI', kinds: ['Model'] }],
  ['serving.knative.dev', { name: 'Knative', kinds: ['Service'] }],
  ['argoproj.io', { name: 'Argo Rollouts', kinds: ['Rollout'] }],
  ['apps.kruise.io', { name: 'OpenKruise', kinds: ['CloneSet', 'StatefulSet', 'DaemonSet'] }],
]);

/** Why an object of this group and kind is not judged; null where it is nothing that serves models. */
export function reasonNotJudged(group: string, kind: string): string | null {
  const product = PRODUCTS.get(group);
  if (product === undefined || !product.kinds.includes(kind)) return null;
  return `${kind} of ${product.name} (${group}): its controller makes the pods, and what they will run cannot be read from this object.`;
}
