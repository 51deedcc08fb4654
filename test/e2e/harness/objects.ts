import type { ControlPlane } from './control-plane.ts';
import { at, isMembers, type Members } from './members.ts';

/** Objects of the API server, without kubectl, which needs a fifth of a second of the processor for each call. */

const GROUP_VERSIONS = {
  configmaps: 'api/v1',
  pods: 'api/v1',
  secrets: 'api/v1',
  services: 'api/v1',
  deployments: 'apis/apps/v1',
  jobs: 'apis/batch/v1',
  leaderworkersets: 'apis/leaderworkerset.x-k8s.io/v1',
} as const;

export type Resource = keyof typeof GROUP_VERSIONS;

export interface Where {
  readonly resource: Resource;
  readonly name: string;
  readonly namespace?: string;
}

type Answering = Pick<ControlPlane, 'api'>;

const get = ({ api }: Answering, { resource, name, namespace = 'default' }: Where) =>
  api.call(`/${GROUP_VERSIONS[resource]}/namespaces/${namespace}/${resource}/${name}`);

export async function storedObject(plane: Answering, where: Where): Promise<Members> {
  const { status, text, json } = await get(plane, where);
  if (status !== 200 || !isMembers(json))
    throw new Error(`${where.resource} ${where.name}: ${status} ${text}`);
  return json;
}

export async function isStored(plane: Answering, where: Where): Promise<boolean> {
  const { status, text } = await get(plane, where);
  if (status !== 200 && status !== 404) throw new Error(`${where.resource} ${where.name}: ${status} ${text}`);
  return status === 200;
}

/** @returns the answer's object. @throws Error when it was not created. */
export async function createObject({ api }: Answering, collection: string, body: Members): Promise<unknown> {
  const { status, text, json } = await api.call(collection, { method: 'POST', body });
  if (status !== 201) throw new Error(`${collection}: ${status} ${text}`);
  return json;
}

/** Server-side apply of a whole object, whoever owned its fields. */
export async function putObject({ api }: Answering, path: string, body: Members): Promise<void> {
  const call = { method: 'PATCH', contentType: 'application/apply-patch+yaml', body } as const;
  const { status, text } = await api.call(`${path}?fieldManager=e2e&force=true`, call);
  if (status !== 200 && status !== 201) throw new Error(`${path}: ${status} ${text}`);
}

/** Where it is there; what it owns goes after it. */
export async function deleteObject({ api }: Answering, path: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' };
  const { status, text } = await api.call(path, { method: 'DELETE', body });
  if (status !== 200 && status !== 202 && status !== 404) throw new Error(`${path}: ${status} ${text}`);
}

export function podSpecOf(workload: unknown): unknown {
  return at(workload, 'spec', 'template', 'spec');
}

export function limitsOf(workload: unknown): unknown {
  return at(podSpecOf(workload), 'containers', 0, 'resources', 'limits');
}

export function argsOf(workload: unknown): unknown {
  return at(podSpecOf(workload), 'containers', 0, 'args');
}

export function generationOf(workload: unknown): unknown {
  return at(workload, 'metadata', 'generation');
}
