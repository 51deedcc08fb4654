import type { NodeClass, Taint } from '../plan/types.ts';
import type { Labels } from './fields.ts';
import { isPerNodeKey, SHAPE_KEYS } from './keys.ts';
import type { NodeFacts } from './node.ts';
import { type ClassDraft, placementKeys } from './placement.ts';

/**
 * A key with fewer than two nodes per value, on enough nodes to tell, names nodes and not kinds of nodes; a key
 * with very many values would make as many classes. Either way its values are kept as varying ones.
 */
const NAMING_VALUES = 16;
const MANY_VALUES = 64;

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function taintText({ key, value, effect }: Taint): string {
  return `${key}=${value}:${effect}`;
}

function sortTaints(taints: readonly Taint[]): readonly Taint[] {
  return [...taints].sort((a, b) => compareText(taintText(a), taintText(b)));
}

/** Everything but labels that two nodes of a class share. Equal labels lead to one device, with one order of members. */
function shapeKey(facts: NodeFacts): string {
  const { device, resource, gpus, sharing, provider, vagueKeys, taints } = facts;
  return JSON.stringify([device, resource, gpus, sharing, provider, vagueKeys, sortTaints(taints)]);
}

function partition<T>(items: Iterable<T>, keyOf: (item: T) => string): readonly (readonly T[])[] {
  const parts = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [item]);
    else part.push(item);
  }
  return [...parts.values()];
}

interface KeyUse {
  readonly values: Set<string>;
  carriers: number;
}

function keyUses(nodes: readonly NodeFacts[]): ReadonlyMap<string, KeyUse> {
  const uses = new Map<string, KeyUse>();
  for (const { labels } of nodes) {
    for (const [key, value] of labels) {
      const use = uses.get(key) ?? { values: new Set(), carriers: 0 };
      use.values.add(value);
      use.carriers += 1;
      uses.set(key, use);
    }
  }
  return uses;
}

function namesNodes({ values, carriers }: KeyUse): boolean {
  return values.size > MANY_VALUES || (values.size >= NAMING_VALUES && values.size * 2 > carriers);
}

function varyingKeys(nodes: readonly NodeFacts[]): ReadonlySet<string> {
  const varying = new Set<string>();
  for (const [key, use] of keyUses(nodes)) {
    if (isPerNodeKey(key) || (!SHAPE_KEYS.has(key) && namesNodes(use))) varying.add(key);
  }
  return varying;
}

/**
 * Numbers a node's labels so that nodes with the same ones get the same text: a varying key counts by its
 * presence, because a selector can ask for that. Numbers, because the labels of 15,000 nodes as text are 50 MB.
 */
function signer(varying: ReadonlySet<string>): (facts: NodeFacts) => string {
  const numbers = new Map<string, Map<string, number>>();
  let next = 0;
  function numberOf(key: string, value: string): number {
    const values = numbers.get(key) ?? new Map<string, number>();
    numbers.set(key, values);
    const known = values.get(value);
    if (known !== undefined) return known;
    values.set(value, next);
    next += 1;
    return next - 1;
  }
  return ({ labels }) => {
    const signature: number[] = [];
    for (const [key, value] of labels) signature.push(numberOf(key, varying.has(key) ? '' : value));
    return signature.sort((a, b) => a - b).join(' ');
  };
}

function valueSets(nodes: readonly NodeFacts[], keys: readonly string[]): Map<string, ReadonlySet<string>> {
  return new Map(keys.map((key) => [key, new Set(nodes.map(({ labels }) => labels.get(key) ?? ''))]));
}

interface LabelSplit {
  readonly labels: Labels;
  readonly varyingLabels: ReadonlyMap<string, ReadonlySet<string>>;
}

function splitLabels(
  first: NodeFacts,
  nodes: readonly NodeFacts[],
  varying: ReadonlySet<string>,
): LabelSplit {
  const keys = [...first.labels.keys()].sort(compareText);
  const sets = valueSets(
    nodes,
    keys.filter((key) => varying.has(key)),
  );
  const labels = new Map<string, string>();
  for (const key of keys) {
    const value = first.labels.get(key) ?? '';
    // One value on all nodes of the class is theirs in common, however the key behaves elsewhere.
    if ((sets.get(key)?.size ?? 1) > 1) continue;
    sets.delete(key);
    labels.set(key, value);
  }
  return { labels, varyingLabels: sets };
}

interface Draft extends ClassDraft {
  /** Same text, same class; independent of the order and the names of the nodes. */
  readonly identity: string;
}

function draftOf(nodes: readonly NodeFacts[], varying: ReadonlySet<string>): readonly Draft[] {
  const [first] = nodes;
  if (first === undefined) return [];
  const { device, resource, gpus, sharing, provider, vagueKeys } = first;
  const { labels, varyingLabels } = splitLabels(first, nodes, varying);
  const own = [...first.labels].filter(([key]) => !varying.has(key)).sort(([a], [b]) => compareText(a, b));
  const absent = [...varying].filter((key) => first.labels.has(key)).sort(compareText);
  return [
    {
      device,
      resource,
      gpusPerNode: gpus,
      nodes: nodes.length,
      labels,
      varyingLabels,
      nodeNames: new Set(nodes.map(({ name }) => name)),
      taints: sortTaints(first.taints),
      sharing,
      source: 'node',
      provider,
      vagueKeys,
      identity: `${shapeKey(first)}${JSON.stringify([own, absent])}`,
    },
  ];
}

// FNV-1a, 32 bit: a short name that is the same on every replica and after every restart.
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** `8x NVIDIA-H100-80GB-HBM3`, or the resource where the device is not known; what is wrong in parentheses. */
export function className(draft: Pick<NodeClass, 'device' | 'resource' | 'gpusPerNode' | 'sharing'>): string {
  const { device, resource, gpusPerNode, sharing } = draft;
  const name = `${gpusPerNode}x ${device?.product ?? resource}`;
  return sharing === 'none' || sharing === 'mig' ? name : `${name} (${sharing})`;
}

/** Names by the class alone where that is unique, else with a hash of what sets the class apart. */
function classIds(drafts: readonly Draft[]): readonly string[] {
  const uses = new Map<string, number>();
  for (const draft of drafts) uses.set(className(draft), (uses.get(className(draft)) ?? 0) + 1);
  const taken = new Set<string>();
  return drafts.map((draft) => {
    const name = className(draft);
    let id = uses.get(name) === 1 ? name : `${name} #${shortHash(draft.identity)}`;
    while (taken.has(id)) id += '+';
    taken.add(id);
    return id;
  });
}

function compareDrafts(a: Draft, b: Draft): number {
  return (
    compareText(a.device?.product ?? a.resource, b.device?.product ?? b.resource) ||
    b.gpusPerNode - a.gpusPerNode ||
    compareText(a.identity, b.identity)
  );
}

/**
 * Classes of nodes that no decision can tell apart: same device, resource, count, sharing, taints and labels but
 * for the ones that name a single node. Linear in nodes and labels; the order of the nodes does not matter.
 */
export function groupNodes(facts: Iterable<NodeFacts>): readonly NodeClass[] {
  const drafts = partition(facts, shapeKey).flatMap((shape) => {
    const varying = varyingKeys(shape);
    return partition(shape, signer(varying)).flatMap((nodes) => draftOf(nodes, varying));
  });
  drafts.sort(compareDrafts);
  const ids = classIds(drafts);
  const keys = placementKeys(drafts);
  return drafts.map(({ identity, provider, vagueKeys, ...rest }, at) => ({
    id: ids[at] ?? identity,
    ...rest,
    placementKeys: keys[at] ?? [],
  }));
}
