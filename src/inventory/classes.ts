import type { NodeClass, Taint } from '../plan/types.ts';
import { deviceClassOf } from '../workload/gpu-request.ts';
import { type ClassDraft, placementKeys } from './placement.ts';

/** A class that has no id yet: ids and placement keys depend on the other classes. */
export interface Draft extends ClassDraft {
  /** Chosen by an operator, or the pool's; null: made from the device. */
  readonly name: string | null;
  /** What sets the class apart from all others, as text; the same on every replica. */
  readonly identity: string;
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function taintText({ key, value, effect }: Taint): string {
  return `${key}=${value}:${effect}`;
}

export function sortTaints(taints: readonly Taint[]): readonly Taint[] {
  return [...taints].sort((a, b) => compareText(taintText(a), taintText(b)));
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
function className({ name, device, resource, gpusPerNode, sharing }: Draft): string {
  if (name !== null) return name;
  const by = deviceClassOf(resource) === null || device === null ? '' : ' (DRA)';
  const made = `${gpusPerNode}x ${device?.product ?? resource}${by}`;
  return sharing === 'none' || sharing === 'mig' ? made : `${made} (${sharing})`;
}

// Two declared shapes may be alike in everything but their place in the list, which their identity holds.
function suffixOf({ source, identity }: Draft): string {
  return source === 'declared' ? identity : shortHash(identity);
}

/** Names by the class alone where that is unique, else with what sets the class apart. */
function classIds(drafts: readonly Draft[]): readonly string[] {
  const uses = new Map<string, number>();
  for (const draft of drafts) uses.set(className(draft), (uses.get(className(draft)) ?? 0) + 1);
  const taken = new Set<string>();
  return drafts.map((draft) => {
    const name = className(draft);
    let id = uses.get(name) === 1 ? name : `${name} #${suffixOf(draft)}`;
    while (taken.has(id)) id += '+';
    taken.add(id);
    return id;
  });
}

export function compareDrafts(a: Draft, b: Draft): number {
  return (
    compareText(a.device?.product ?? a.resource, b.device?.product ?? b.resource) ||
    b.gpusPerNode - a.gpusPerNode ||
    compareText(a.identity, b.identity)
  );
}

/** Gives classes their ids and placement keys, in the order given. */
export function finishClasses(drafts: readonly Draft[]): readonly NodeClass[] {
  const ids = classIds(drafts);
  const keys = placementKeys(drafts);
  return drafts.map(({ identity, name: _, provider: __, vagueKeys: ___, ...rest }, at) => ({
    id: ids[at] ?? identity,
    ...rest,
    placementKeys: keys[at] ?? [],
  }));
}
