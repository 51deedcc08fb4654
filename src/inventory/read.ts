import type { Catalog } from '../catalog/types.ts';
import type { JsonPath } from '../findings.ts';
import type { FreeDevices, Inventory } from '../plan/types.ts';
import { type Draft, finishClasses } from './classes.ts';
import { readDeclaredDrafts } from './declared.ts';
import { readDeviceClass } from './device-classes.ts';
import { type Fields, type InventoryFinding, isFields, reportInto } from './fields.ts';
import { fieldsAt, nameOf, textAt } from './foreign.ts';
import { freeDevices } from './free-devices.ts';
import { KnownNodes } from './known-nodes.ts';
import { KnownPods } from './known-pods.ts';
import { isPoolKind, KnownPools, POOL_KINDS } from './known-pools.ts';
import { readNode } from './node.ts';
import { indexGpus } from './products.ts';
import { readResourceSlice } from './resource-slice.ts';

export interface InventoryReading {
  /** Unknown as soon as there is a finding: half an inventory would refuse what the other half carries. */
  readonly inventory: Inventory;
  readonly findings: readonly InventoryFinding[];
  /** Nodes without any GPU. They make no class. */
  readonly cpuOnlyNodes: number;
}

interface Located {
  readonly value: unknown;
  readonly path: JsonPath;
}

/** One object of a cluster, by its kind. */
interface LocatedObject extends Located {
  readonly kind: string;
}

/** What the documents hold together: objects from every list, or one declaration. */
interface Contents {
  readonly objects: readonly LocatedObject[];
  readonly declared: readonly Located[];
  readonly findings: readonly InventoryFinding[];
}

/** Kinds that say something of nodes, or of what is taken of them, and how a list of one kind is called. */
const KINDS: readonly string[] = ['Node', 'Pod', 'ResourceSlice', 'DeviceClass', ...POOL_KINDS];

function isDeclaration(value: unknown): boolean {
  return Array.isArray(value) || (isFields(value) && Object.hasOwn(value, 'shapes'));
}

// A list of one kind, as the API server answers, leaves the kind of its items out.
function itemKind(item: unknown, listKind: string): string {
  const own = isFields(item) ? item['kind'] : undefined;
  if (typeof own === 'string') return own;
  return listKind === 'List' ? 'Node' : listKind.slice(0, -'List'.length);
}

function objectsIn(value: Fields, path: JsonPath): readonly LocatedObject[] | null {
  const { kind, items } = value;
  if (typeof kind !== 'string') return null;
  if (KINDS.includes(kind)) return [{ value, path, kind }];
  if (kind !== 'List' && !KINDS.includes(kind.slice(0, -'List'.length))) return null;
  // `kubectl get nodes -o json` of an empty cluster writes `items: []`; a list without items is not a list.
  return Array.isArray(items)
    ? items.map((item, at) => ({ value: item, path: [...path, 'items', at], kind: itemKind(item, kind) }))
    : null;
}

// Single documents have no number in their paths: the file is the document.
function locate(documents: readonly unknown[]): readonly Located[] {
  const present = documents.map((value, at) => ({ value, path: [at] })).filter(({ value }) => value !== null);
  return present.length === 1 ? present.map(({ value }) => ({ value, path: [] })) : present;
}

function sortContents(documents: readonly unknown[]): Contents {
  const objects: LocatedObject[] = [];
  const declared: Located[] = [];
  const findings: InventoryFinding[] = [];
  const report = reportInto(findings);
  for (const located of locate(documents)) {
    const { value, path } = located;
    const found = isFields(value) ? objectsIn(value, path) : null;
    if (isDeclaration(value)) declared.push(located);
    else if (found !== null) for (const one of found) objects.push(one);
    else report(path, 'must be nodes as kubectl prints them, or a list of shapes');
  }
  const [first, second] = declared;
  if (documents.every((value) => value === null)) report([], 'holds neither nodes nor shapes');
  if (first !== undefined && objects.length > 0) report(first.path, 'shapes cannot be mixed with nodes');
  if (second !== undefined) report(second.path, 'shapes must stand in one document');
  return { objects, declared, findings };
}

interface ObjectsReading {
  readonly drafts: readonly Draft[];
  readonly findings: readonly InventoryFinding[];
  readonly cpuOnlyNodes: number;
  /** null: the file holds no pods. Then nobody knows what they hold. */
  readonly free: FreeDevices | null;
}

/** Collects the objects of one file; every node has a name of its own. */
class FileReader {
  readonly known: KnownNodes;
  readonly pools: KnownPools;
  readonly pods = new KnownPods();
  hasPods = false;
  readonly findings: InventoryFinding[] = [];
  readonly #report = reportInto(this.findings);
  readonly #names = new Set<string>();

  constructor(catalog: Catalog) {
    this.known = new KnownNodes(indexGpus(catalog));
    this.pools = new KnownPools(catalog);
  }

  read({ value, path, kind }: LocatedObject): void {
    if (kind === 'Pod') this.#readPod(value, path);
    else if (kind === 'ResourceSlice') this.#readSlice(value, path);
    else if (kind === 'DeviceClass') this.known.putDeviceClass(readDeviceClass(value));
    else if (isPoolKind(kind)) this.pools.put(kind, value);
    else this.#readNode(value, path);
  }

  #readPod(value: unknown, path: JsonPath): void {
    this.hasPods = true;
    if (nameOf(value) === '') this.#report([...path, 'metadata', 'name'], 'must be set');
    this.pods.put(value);
  }

  #readSlice(value: unknown, path: JsonPath): void {
    const slice = readResourceSlice(value);
    const driver = textAt(fieldsAt(value, 'spec'), 'driver');
    if (driver === null) this.#report([...path, 'spec', 'driver'], 'must be set');
    // Another driver's devices are no GPUs that are known here.
    if (slice !== null) this.known.putSlice(slice);
  }

  #readNode(value: unknown, path: JsonPath): void {
    const { name, parts, findings } = readNode(value, path);
    if (this.#names.has(name)) this.#report([...path, 'metadata', 'name'], 'is the name of an earlier node');
    if (name !== '') this.#names.add(name);
    if (parts !== null) this.known.put(parts);
    this.findings.push(...findings);
  }
}

function readObjects(objects: readonly LocatedObject[], catalog: Catalog): ObjectsReading {
  const reader = new FileReader(catalog);
  for (const one of objects) reader.read(one);
  const { known, pools, pods, findings } = reader;
  const drafts = [...known.drafts(), ...pools.drafts()];
  const free = reader.hasPods ? freeDevices(known, pods) : null;
  return { drafts, findings, cpuOnlyNodes: known.size - known.gpuNodes, free };
}

type Known = Pick<ObjectsReading, 'drafts' | 'cpuOnlyNodes' | 'free'>;

function known({ drafts, cpuOnlyNodes, free }: Known): InventoryReading {
  const classes = finishClasses(drafts);
  const inventory = { state: 'known', classes, ageSeconds: null, ...(free !== null && { free }) } as const;
  return { inventory, findings: [], cpuOnlyNodes };
}

function unreadable(findings: readonly InventoryFinding[]): InventoryReading {
  const reason = 'the inventory could not be read';
  return { inventory: { state: 'unknown', reason }, findings, cpuOnlyNodes: 0 };
}

/**
 * Reads an inventory file's documents: objects of a cluster as kubectl prints them (nodes; what DRA and pools say of
 * more; pods, of all namespaces, for what is free now), or declared shapes.
 * An empty list is known to be empty: no nodes are known, which is not the same as knowing nothing.
 * @param shapes the operator's own, beside what the file holds.
 */
export function readInventory(
  documents: readonly unknown[],
  catalog: Catalog,
  shapes: readonly Draft[] = [],
): InventoryReading {
  const { objects, declared, findings } = sortContents(documents);
  if (findings.length > 0) return unreadable(findings);
  const [declaration] = declared;
  if (declaration !== undefined) {
    const declaredHere = readDeclaredDrafts(declaration.value, catalog, declaration.path);
    return declaredHere.findings.length > 0
      ? unreadable(declaredHere.findings)
      : known({ drafts: [...declaredHere.drafts, ...shapes], cpuOnlyNodes: 0, free: null });
  }
  const reading = readObjects(objects, catalog);
  return reading.findings.length > 0
    ? unreadable(reading.findings)
    : known({ ...reading, drafts: [...reading.drafts, ...shapes] });
}
