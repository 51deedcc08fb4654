import type { Kubectl } from './kubectl.ts';
import { at, isMembers, type Members } from './members.ts';

/** Objects as the API server stored them. */

export async function storedObject(kubectl: Kubectl, resource: string, name: string): Promise<Members> {
  const { stdout } = await kubectl.run(['get', resource, name, '-o', 'json']);
  const parsed: unknown = JSON.parse(stdout);
  if (!isMembers(parsed)) throw new Error(`${resource} ${name} is no object`);
  return parsed;
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
