import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { type InventoryReading, readInventory } from '../../src/inventory/read.ts';
import type { NodeClass } from '../../src/plan/types.ts';

const FIXTURES = new URL('../fixtures/nodes/', import.meta.url);

/** An inventory file as `--inventory` reads it. */
export function readText(text: string): InventoryReading {
  const documents = parseAllDocuments(text).map((document): unknown => document.toJS());
  return readInventory(documents, builtinCatalog);
}

export function fixtureText(name: string): string {
  return readFileSync(new URL(name, FIXTURES), 'utf8');
}

/** Classes of an inventory that must be known. */
export function classesOf(reading: InventoryReading): readonly NodeClass[] {
  if (reading.inventory.state === 'unknown') throw new Error(reading.inventory.reason);
  return reading.inventory.classes;
}

export function fixture(name: string): readonly NodeClass[] {
  return classesOf(readText(fixtureText(name)));
}

export interface NodeParts {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly allocatable?: Readonly<Record<string, string>>;
  readonly capacity?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly conditions?: readonly unknown[];
}

/** Labels that GFD writes on an HGX H100 (test/fixtures/nodes/dgx-h100.yaml). */
export const H100_LABELS = {
  'nvidia.com/gpu.count': '8',
  'nvidia.com/gpu.memory': '81559',
  'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3',
  'nvidia.com/gpu.replicas': '1',
  'nvidia.com/gpu.sharing-strategy': 'none',
} as const;

/** A Node as the API server returns it, with only what matters; 8 H100 where nothing else is said. */
export function node(parts: NodeParts = {}): object {
  const allocatable = parts.allocatable ?? { 'nvidia.com/gpu': '8' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: parts.name ?? 'n', labels: parts.labels ?? H100_LABELS },
    spec: parts.spec ?? {},
    status: {
      allocatable,
      capacity: parts.capacity ?? allocatable,
      conditions: parts.conditions ?? [{ type: 'Ready', status: 'True' }],
    },
  };
}

export function classesFrom(...nodes: readonly object[]): readonly NodeClass[] {
  return classesOf(readInventory([{ kind: 'List', items: nodes }], builtinCatalog));
}

/** The only class. */
export function only(classes: readonly NodeClass[]): NodeClass {
  const [first, second] = classes;
  if (first === undefined || second !== undefined) throw new Error(`${classes.length} classes`);
  return first;
}
