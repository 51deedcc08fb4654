/** Where a resource stands in the API. */
export interface ResourceAddress {
  /** '' is the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `nodes`. */
  readonly resource: string;
  /** Left out: cluster-scoped, or all namespaces. */
  readonly namespace?: string;
  /** Left out: the collection. */
  readonly name?: string;
}

/** Path of a collection or an object, each step encoded. Kubernetes API conventions: `/api/v1`, `/apis/GROUP/VERSION`. */
export function resourcePath({ group, version, resource, namespace, name }: ResourceAddress): string {
  const root = group === '' ? ['api', version] : ['apis', group, version];
  const scope = namespace === undefined ? [] : ['namespaces', namespace];
  const steps = [...root, ...scope, resource, ...(name === undefined ? [] : [name])];
  return `/${steps.map(encodeURIComponent).join('/')}`;
}
