import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { ControlPlane } from './control-plane.ts';
import { at, isMembers, listAt, type Members } from './members.ts';
import { freePort, type Program, startProgram, until } from './process.ts';

const STAGES = fileURLToPath(new URL('kwok-stages.yaml', import.meta.url));
export const NODE_FIXTURES = fileURLToPath(new URL('../../fixtures/nodes/', import.meta.url));

/** Simulated kubelets for every node of the cluster; what else its flags say. */
export async function startKwok(plane: ControlPlane, flags: readonly string[] = []): Promise<Program> {
  return startProgram({
    name: 'kwok',
    command: plane.tools('kwok'),
    args: [
      `--kubeconfig=${plane.adminConfig}`,
      '--manage-all-nodes=true',
      `--config=${STAGES}`,
      `--server-address=127.0.0.1:${await freePort()}`,
      ...flags,
    ],
    logFile: join(plane.folder, 'kwok.log'),
    env: { HOME: plane.folder },
  });
}

/** Nodes as a file of test/fixtures/nodes has them, by their names. */
export async function fixtureNodes(file: string): Promise<readonly Members[]> {
  const parsed: unknown = parse(await readFile(join(NODE_FIXTURES, file), 'utf8'));
  return (at(parsed, 'kind') === 'Node' ? [parsed] : listAt(parsed, 'items')).filter(isMembers);
}

/** A node without a GPU and without a taint: where everything else goes. */
export function cpuNode(name: string): Members {
  const resources = { cpu: '64', memory: '256Gi', pods: '110' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/arch': 'amd64', 'kubernetes.io/hostname': name } },
    status: { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

export function nameOf(object: unknown): string {
  return String(at(object, 'metadata', 'name'));
}

/** What a scheduler asks of a node and label captures leave out. */
function complete(node: Members): Members {
  const status = node['status'];
  const filled = (list: unknown) => ({
    cpu: '128',
    memory: '2Ti',
    pods: '110',
    ...(isMembers(list) ? list : {}),
  });
  return {
    ...node,
    status: {
      ...(isMembers(status) ? status : {}),
      capacity: filled(at(status, 'capacity')),
      allocatable: filled(at(status, 'allocatable')),
    },
  };
}

const PARALLEL = 16;

export async function addNodes({ api }: ControlPlane, nodes: readonly Members[]): Promise<void> {
  const rest = nodes.values();
  const client = async (): Promise<void> => {
    for (const node of rest) {
      const reply = await api.call('/api/v1/nodes', { method: 'POST', body: complete(node) });
      if (reply.status !== 201) throw new Error(`node ${nameOf(node)}: ${reply.status} ${reply.text}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, client));
}

/** Until the scheduler may use them: ready, and without the taint that every new node is given. */
export async function nodesReady({ api }: ControlPlane, names: readonly string[]): Promise<void> {
  const ask = async () => {
    const { json } = await api.call('/api/v1/nodes');
    const ready = listAt(json, 'items').filter((node) => {
      const conditions = listAt(node, 'status', 'conditions');
      const taints = listAt(node, 'spec', 'taints');
      return (
        conditions.some((one) => at(one, 'type') === 'Ready' && at(one, 'status') === 'True') &&
        !taints.some((one) => String(at(one, 'key')).startsWith('node.kubernetes.io/'))
      );
    });
    const found = new Set(ready.map(nameOf));
    return names.every((name) => found.has(name)) ? true : null;
  };
  await until(ask, { what: `nodes ${names.join(', ')} are ready` });
}
