import type { NodeClass } from '../plan/types.ts';
import {
  COREWEAVE_CLASS,
  DRIVER_KEYS,
  EKS_COMPUTE_TYPE,
  FAMILY_KEYS,
  GKE,
  INSTANCE_TYPE,
  KARPENTER_POOL,
  MODEL_KEYS,
  SHAPE_KEYS,
} from './keys.ts';

/** A class whose placement keys are not known yet: they depend on the other classes. */
export interface ClassDraft extends Omit<NodeClass, 'id' | 'placementKeys'> {
  /** Scheme of the providerID; '' when there is none. */
  readonly provider: string;
  readonly vagueKeys: readonly string[];
}

const PLATFORM_ORDER: readonly string[] = [...MODEL_KEYS, ...FAMILY_KEYS, INSTANCE_TYPE];
const STATIC_ORDER: readonly string[] = [...DRIVER_KEYS, ...PLATFORM_ORDER];
const AUTOSCALED_ORDER: readonly string[] = [...PLATFORM_ORDER, ...DRIVER_KEYS];

function has(draft: ClassDraft, key: string): boolean {
  return draft.labels.has(key) || draft.varyingLabels.has(key);
}

/**
 * Whether the pool behind the class may be at zero. Then a label of the driver is the wrong key: no autoscaler
 * can promise it, and Karpenter refuses it (gpu-catalog.md §7). CoreWeave's nodes carry GKE's key too.
 */
function isAutoscaled(draft: ClassDraft): boolean {
  if (draft.nodes === 0 || has(draft, KARPENTER_POOL)) return true;
  if (draft.labels.get(EKS_COMPUTE_TYPE) === 'auto') return true;
  const isGke = draft.provider === 'gce' || has(draft, GKE.nodePool);
  return isGke && has(draft, GKE.accelerator) && !has(draft, COREWEAVE_CLASS);
}

// A declared shape may be told by any label that its operator gave it, after the ones that we know.
function candidates(draft: ClassDraft): readonly string[] {
  const known = isAutoscaled(draft) ? AUTOSCALED_ORDER : STATIC_ORDER;
  if (draft.source === 'node') return known;
  return [...known, ...[...draft.labels.keys()].filter((key) => !SHAPE_KEYS.has(key)).sort()];
}

/**
 * What a placement key has to tell apart: the device, and whether it is shared. Slices differ by product, and a
 * node that is not ready comes back as what it is.
 */
function shapeOf(draft: ClassDraft): string {
  const { device, resource, sharing } = draft;
  const isExclusive = sharing === 'none' || sharing === 'mig' || sharing === 'not-ready';
  return `${device?.product ?? `?${resource}`}${isExclusive ? '' : ` ${sharing}`}`;
}

function valuesOf(draft: ClassDraft, key: string): Iterable<string> {
  const value = draft.labels.get(key);
  return value === undefined ? (draft.varyingLabels.get(key) ?? []) : [value];
}

/** Shapes that are seen behind one value of one key, among classes that offer the same resource. */
type Sightings = ReadonlyMap<string, ReadonlySet<string>>;

function sightingKey(draft: ClassDraft, key: string, value: string): string {
  return `${draft.resource} ${key}=${value}`;
}

// Every class counts as seen, also one whose own order leaves the key out: a declared label may be on real nodes.
function sight(drafts: readonly ClassDraft[]): Sightings {
  const keys = new Set(drafts.flatMap(candidates));
  const sightings = new Map<string, Set<string>>();
  for (const draft of drafts) {
    if (!isSeen(draft)) continue;
    for (const key of keys) {
      for (const value of valuesOf(draft, key)) {
        const at = sightingKey(draft, key, value);
        const shapes = sightings.get(at) ?? new Set();
        sightings.set(at, shapes.add(shapeOf(draft)));
      }
    }
  }
  return sightings;
}

function isSeen({ device, sharing }: ClassDraft): boolean {
  // Nothing is known of a device that is still to come: it may be the same as its neighbours'.
  return device !== null || sharing !== 'not-ready';
}

function ownKeys(draft: ClassDraft): readonly string[] {
  return candidates(draft).filter((key) => draft.labels.has(key) && !draft.vagueKeys.includes(key));
}

function carries(draft: ClassDraft, key: string, value: string): boolean {
  return draft.labels.get(key) === value || draft.varyingLabels.get(key)?.has(value) === true;
}

/** Whether only classes of the same shape carry both labels. */
function tellsWith(
  draft: ClassDraft,
  pair: readonly [string, string],
  drafts: readonly ClassDraft[],
): boolean {
  return drafts.every((other) => {
    if (other.resource !== draft.resource || !isSeen(other) || shapeOf(other) === shapeOf(draft)) return true;
    return !pair.every((key) => carries(other, key, draft.labels.get(key) ?? ''));
  });
}

/**
 * Two that tell the shape together: AMD's product names are those of whole boards and of partitions, its partition
 * modes those of every product (gpu-catalog.md §5).
 */
function pairOf(draft: ClassDraft, drafts: readonly ClassDraft[]): readonly string[] {
  const keys = ownKeys(draft).filter((key) => SHAPE_KEYS.has(key));
  for (const [at, first] of keys.entries()) {
    for (const second of keys.slice(at + 1)) {
      if (tellsWith(draft, [first, second], drafts)) return [first, second];
    }
  }
  return [];
}

function keysOf(draft: ClassDraft, sightings: Sightings): readonly string[] {
  return ownKeys(draft).filter(
    (key) => (sightings.get(sightingKey(draft, key, draft.labels.get(key) ?? ''))?.size ?? 0) <= 1,
  );
}

/**
 * Keys that each tell the class's shape from every other one's, best first, for each class in turn; where none does,
 * two that do together.
 */
export function placementKeys(drafts: readonly ClassDraft[]): readonly (readonly string[])[] {
  const sightings = sight(drafts);
  return drafts.map((draft) => {
    const keys = keysOf(draft, sightings);
    return keys.length > 0 ? keys : pairOf(draft, drafts);
  });
}
