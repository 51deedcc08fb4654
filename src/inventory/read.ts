import type { Catalog } from '../catalog/types.ts';
import type { JsonPath } from '../findings.ts';
import type { Inventory } from '../plan/types.ts';
import { compareDrafts, type Draft, finishClasses } from './classes.ts';
import { readDeclaredDrafts } from './declared.ts';
import { type Fields, type InventoryFinding, isFields, reportInto } from './fields.ts';
import { readNode } from './node.ts';
import { NodeGroups } from './node-groups.ts';
import { type GpuIndex, indexGpus } from './products.ts';

export interface InventoryReading {
  /** Unknown as soon as there is a finding: half an inventory would refuse what the other half carries. */
  readonly inventory: Inventory;
  readonly findings: readonly InventoryFinding[];
  /** Nodes without any GPU. They make no class. */
  readonly cpuOnlyNodes: number;
}

const LIST_KINDS: readonly unknown[] = ['List', 'NodeList'];

interface Located {
  readonly value: unknown;
  readonly path: JsonPath;
}

/** What the documents hold together: nodes from every list, or one declaration. */
interface Contents {
  readonly nodes: readonly Located[];
  readonly declared: readonly Located[];
  readonly findings: readonly InventoryFinding[];
}

function isDeclaration(value: unknown): boolean {
  return Array.isArray(value) || (isFields(value) && Object.hasOwn(value, 'shapes'));
}

function nodesIn(value: Fields, path: JsonPath): readonly Located[] | null {
  const { kind, items } = value;
  if (kind === 'Node') return [{ value, path }];
  if (!LIST_KINDS.includes(kind)) return null;
  // `kubectl get nodes -o json` of an empty cluster writes `items: []`; a list without items is not a list.
  return Array.isArray(items)
    ? items.map((item, at) => ({ value: item, path: [...path, 'items', at] }))
    : null;
}

// Single documents have no number in their paths: the file is the document.
function locate(documents: readonly unknown[]): readonly Located[] {
  const present = documents.map((value, at) => ({ value, path: [at] })).filter(({ value }) => value !== null);
  return present.length === 1 ? present.map(({ value }) => ({ value, path: [] })) : present;
}

function sortContents(documents: readonly unknown[]): Contents {
  const nodes: Located[] = [];
  const declared: Located[] = [];
  const findings: InventoryFinding[] = [];
  const report = reportInto(findings);
  for (const located of locate(documents)) {
    const { value, path } = located;
    const found = isFields(value) ? nodesIn(value, path) : null;
    if (isDeclaration(value)) declared.push(located);
    else if (found !== null) for (const node of found) nodes.push(node);
    else report(path, 'must be nodes as kubectl prints them, or a list of shapes');
  }
  const [first, second] = declared;
  if (documents.every((value) => value === null)) report([], 'holds neither nodes nor shapes');
  if (first !== undefined && nodes.length > 0) report(first.path, 'shapes cannot be mixed with nodes');
  if (second !== undefined) report(second.path, 'shapes must stand in one document');
  return { nodes, declared, findings };
}

interface NodesReading {
  readonly drafts: readonly Draft[];
  readonly findings: readonly InventoryFinding[];
  readonly cpuOnlyNodes: number;
}

function readNodes(nodes: readonly Located[], index: GpuIndex): NodesReading {
  const groups = new NodeGroups();
  const findings: InventoryFinding[] = [];
  const report = reportInto(findings);
  const names = new Set<string>();
  let cpuOnlyNodes = 0;
  for (const { value, path } of nodes) {
    const reading = readNode(value, index, path);
    if (names.has(reading.name)) report([...path, 'metadata', 'name'], 'is the name of an earlier node');
    if (reading.name !== '') names.add(reading.name);
    if (reading.findings.length === 0 && reading.facts.length === 0) cpuOnlyNodes += 1;
    if (reading.findings.length === 0) groups.put(reading.name, reading.facts);
    findings.push(...reading.findings);
  }
  return { drafts: [...groups.drafts()].sort(compareDrafts), findings, cpuOnlyNodes };
}

function known(drafts: readonly Draft[], cpuOnlyNodes: number): InventoryReading {
  const inventory = { state: 'known', classes: finishClasses(drafts), ageSeconds: null } as const;
  return { inventory, findings: [], cpuOnlyNodes };
}

function unreadable(findings: readonly InventoryFinding[]): InventoryReading {
  const reason = 'the inventory could not be read';
  return { inventory: { state: 'unknown', reason }, findings, cpuOnlyNodes: 0 };
}

/**
 * Reads an inventory file's documents: `kubectl get nodes -o yaml` as it comes, single Nodes, or declared shapes.
 * An empty list is known to be empty: no nodes are known, which is not the same as knowing nothing.
 * @param shapes the operator's own, beside what the file holds.
 */
export function readInventory(
  documents: readonly unknown[],
  catalog: Catalog,
  shapes: readonly Draft[] = [],
): InventoryReading {
  const { nodes, declared, findings } = sortContents(documents);
  if (findings.length > 0) return unreadable(findings);
  const [declaration] = declared;
  if (declaration !== undefined) {
    const declaredHere = readDeclaredDrafts(declaration.value, catalog, declaration.path);
    return declaredHere.findings.length > 0
      ? unreadable(declaredHere.findings)
      : known([...declaredHere.drafts, ...shapes], 0);
  }
  const reading = readNodes(nodes, indexGpus(catalog));
  return reading.findings.length > 0
    ? unreadable(reading.findings)
    : known([...reading.drafts, ...shapes], reading.cpuOnlyNodes);
}
