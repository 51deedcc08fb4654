/**
 * CustomResourceDefinitions of the suite's own making: the controllers of LeaderWorkerSet and JobSet are not published
 * as Go modules. Only the fields that a case is about are known to them, everything else is kept as it comes; what is
 * asserted is what the API server stores.
 */

interface Definition {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

const DEFINITIONS: readonly Definition[] = [
  { group: 'leaderworkerset.x-k8s.io', version: 'v1', kind: 'LeaderWorkerSet', plural: 'leaderworkersets' },
  { group: 'jobset.x-k8s.io', version: 'v1alpha2', kind: 'JobSet', plural: 'jobsets' },
];

export function customResourceDefinitions(): unknown {
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const items = DEFINITIONS.map(({ group, version, kind, plural }) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Groups under k8s.io are guarded: this says that nobody approved it.
      annotations: { 'api-approved.kubernetes.io': 'unapproved, made for a test' },
    },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
        },
      ],
    },
  }));
  return { apiVersion: 'v1', kind: 'List', items };
}
