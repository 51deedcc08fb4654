import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ControlPlane } from './control-plane.ts';
import { type Kubectl, type Run, run } from './kubectl.ts';
import { at, isMembers, listAt, type Members } from './members.ts';
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

/**
 * Nobody routes a ClusterIP here, so the Service of the chart is replaced by one of the same name that leads to
 * localhost. Bundle, names, path and port of the configurations stay as the chart rendered them.
 */
export async function routeToLocalhost(kubectl: Kubectl): Promise<void> {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name: SERVICE },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  };
  await kubectl.run(['replace', '--force', '-f', '-'], service);
}

/** The arguments that the chart's Deployment gives to the container, as stored. */
export async function chartArguments(kubectl: Kubectl): Promise<readonly string[]> {
  const { stdout } = await kubectl.run(['get', 'deployment', SERVICE, '-n', NAMESPACE, '-o', 'json']);
  const parsed: unknown = JSON.parse(stdout);
  const container = listAt(parsed, 'spec', 'template', 'spec', 'containers').find(
    (one) => at(one, 'name') === 'webhook',
  );
  return listAt(container, 'args').map(String);
}

async function dataOf(kubectl: Kubectl, kind: 'configmap' | 'secret', name: string): Promise<Members> {
  const { stdout } = await kubectl.run(['get', kind, name, '-n', NAMESPACE, '-o', 'json']);
  const data = at(JSON.parse(stdout), 'data');
  return isMembers(data) ? data : {};
}

/** Writes a ConfigMap or a Secret to a folder, as the kubelet mounts it. */
export async function mountAt(
  kubectl: Kubectl,
  kind: 'configmap' | 'secret',
  name: string,
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [key, value] of Object.entries(await dataOf(kubectl, kind, name))) {
    const text = kind === 'secret' ? Buffer.from(String(value), 'base64').toString() : String(value);
    await writeFile(join(folder, key), text, { mode: 0o600 });
  }
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
