import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ControlPlane } from './control-plane.ts';
import { type Run, run } from './kubectl.ts';
import { at, isMembers, listAt } from './members.ts';
import { createObject, deleteObject, podSpecOf, storedObject } from './objects.ts';
import { NAMESPACE, SERVICE } from './webhook-configuration.ts';

export const CHART = fileURLToPath(new URL('../../../charts/vramgate', import.meta.url));

export type Helm = (args: readonly string[]) => Promise<Run>;

/** Real Helm; a status other than 0 is an error. */
export function helmOf(plane: ControlPlane, which: 'helm-4' | 'helm-3'): Helm {
  const env = { KUBECONFIG: plane.adminConfig, HOME: plane.folder, HELM_DRIVER: 'secret' };
  return async (args) => {
    const result = await run(plane.tools(which), args, { env });
    if (result.status !== 0) {
      throw new Error(`${which} ${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
    }
    return result;
  };
}

export async function writeValues(plane: ControlPlane, values: unknown, name = 'values'): Promise<string> {
  const file = join(plane.folder, `${name}.json`);
  await writeFile(file, JSON.stringify(values, null, 2));
  return file;
}

const SERVICES = `/api/v1/namespaces/${NAMESPACE}/services`;

/** Whoever owns the fields of our stand-in, the Service of the chart is Helm's: to be called before an upgrade. */
export async function removeService(plane: ControlPlane): Promise<void> {
  await deleteObject(plane, `${SERVICES}/${SERVICE}`);
}

/**
 * Nobody routes a ClusterIP here, so the Service of the chart is replaced by one of the same name that leads to
 * localhost. Bundle, names, path and port of the configurations stay as the chart rendered them.
 */
export async function routeToLocalhost(plane: ControlPlane): Promise<void> {
  await removeService(plane);
  await createObject(plane, SERVICES, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: SERVICE },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  });
}

/** The arguments that the chart's Deployment gives to the container, as stored. */
export async function chartArguments(plane: ControlPlane): Promise<readonly string[]> {
  const deployment = await storedObject(plane, {
    resource: 'deployments',
    name: SERVICE,
    namespace: NAMESPACE,
  });
  const containers = listAt(podSpecOf(deployment), 'containers');
  return listAt(
    containers.find((one) => at(one, 'name') === 'webhook'),
    'args',
  ).map(String);
}

/** Writes a ConfigMap or a Secret to a folder, as the kubelet mounts it. */
export async function mountAt(
  plane: ControlPlane,
  resource: 'configmaps' | 'secrets',
  name: string,
  folder: string,
): Promise<void> {
  const { data } = await storedObject(plane, { resource, name, namespace: NAMESPACE });
  await mkdir(folder, { recursive: true });
  for (const [key, value] of Object.entries(isMembers(data) ? data : {})) {
    const text = resource === 'secrets' ? Buffer.from(String(value), 'base64').toString() : String(value);
    await writeFile(join(folder, key), text, { mode: 0o600 });
  }
}

/** The credentials that Pods of an account of the chart are mounted. */
export async function tokenOf(plane: ControlPlane, account: string): Promise<string> {
  const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`;
  const answer = await createObject(plane, path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 8 * 60 * 60 },
  });
  return String(at(answer, 'status', 'token'));
}

/** Paths of the container become paths of this machine; ports are the harness's own. */
export function translateArguments(
  args: readonly string[],
  mounts: Readonly<Record<string, string>>,
): readonly string[] {
  const kept = args.filter((one) => one !== 'serve' && !/^--(?:metrics-)?port=/.test(one));
  return kept.map((one) => {
    const mount = Object.entries(mounts).find(([from]) => one.includes(`=${from}/`));
    return mount === undefined ? one : one.replace(`=${mount[0]}/`, `=${mount[1]}/`);
  });
}
