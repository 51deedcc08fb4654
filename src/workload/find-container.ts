import type { JsonPath } from '../findings.ts';
import type { Container, PodTemplate, Workload } from './types.ts';

export interface ContainerPlace {
  readonly template: PodTemplate;
  readonly container: Container;
}

/** The container at a path, as findings and edits name it; null where there is none. */
export function findContainer(workload: Workload, path: JsonPath): ContainerPlace | null {
  for (const template of workload.templates) {
    const { containers, initContainers } = template.spec;
    const container = [...containers, ...initContainers].find((candidate) =>
      isSamePath(candidate.path, path),
    );
    if (container !== undefined) return { template, container };
  }
  return null;
}

function isSamePath(a: JsonPath, b: JsonPath): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}
