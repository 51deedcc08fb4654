import { PREFIX } from '../../intent/keys.ts';
import { COMMON_GPUS } from '../../plan/no-count.ts';
import { isProductLabel } from '../../plan/products.ts';
import type { Edit, NodeClass } from '../../plan/types.ts';
import { MAX_TYPICAL } from '../../plan/ways.ts';
import type { Facts } from '../types.ts';
import {
  contextCandidates,
  countCandidates,
  kvCandidates,
  placeCandidates,
  usableClasses,
} from './candidates.ts';
import { annotate } from './edits.ts';
import { otherModels, publishedRows, quantizationCandidates } from './models.ts';
import { repairCandidates } from './repairs.ts';
import {
  type Candidate,
  type Draft,
  draftOf,
  NOT_TRIED,
  needOf,
  type Scene,
  sceneOf,
  type Tried,
} from './scene.ts';
import { methodCandidates } from './training.ts';

/** Edits on the object as given, decided. */
export type TryEdits = (edits: readonly Edit[]) => Tried;

/** Several changes that together are a way out. */
export interface Joint {
  readonly edits: readonly Edit[];
  readonly text: string;
}

/** Nodes on which a joint way out is looked for, the largest first. */
const MAX_TARGETS = 2;
/** Objects that are tried for one of them. */
const MAX_TRIES = 40;

/**
 * Where no single change is enough: what is wrong is mended one after the other, on the largest node that is known,
 * and then everything that turns out not to be needed is left out again.
 */
export function findJoint(refused: Tried, facts: Facts, attempt: TryEdits): Joint | null {
  for (const { place, gpusPerNode } of targetsOf(refused, facts)) {
    const counts = (scene: Scene): readonly Candidate[] => countCandidates(scene, gpusPerNode);
    const stages = [...REPAIRS, inDraft(place), inScene(counts), ...LADDER];
    const found = mend(refused, stages, facts, bounded(attempt));
    if (found !== null) return found;
  }
  return null;
}

/** One thing to change: ways to do it, the smallest change first. */
type Stage = (tried: Tried, facts: Facts) => readonly Candidate[];

function inScene(candidates: (scene: Scene) => readonly Candidate[]): Stage {
  return (tried, facts) => {
    const scene = sceneOf(tried, facts);
    return scene === null ? [] : candidates(scene);
  };
}

function inDraft(candidates: (draft: Draft) => readonly Candidate[]): Stage {
  return (tried, facts) => {
    const draft = draftOf(tried, facts);
    return draft === null ? [] : candidates(draft);
  };
}

/** Two passes: what the command line runs may be known only after the first. */
const REPAIRS: readonly Stage[] = [
  ({ draft, findings }) => repairCandidates(draft, findings),
  ({ draft, findings }) => repairCandidates(draft, findings),
  (tried, facts) => (tried.unit === null ? inDraft(unsized)(tried, facts) : []),
];

/** What makes a size known at all. */
function unsized(draft: Draft): readonly Candidate[] {
  const rows = publishedRows(draft);
  return rows.length > 0 ? rows : methodCandidates(draft);
}

/** After the GPUs, from what a user notices least to another model. */
const LADDER: readonly Stage[] = [
  sequenceCandidates,
  contextCandidates,
  kvCandidates,
  contextCandidates,
  quantizationCandidates,
  contextCandidates,
  methodCandidates,
  contextCandidates,
]
  .map(inScene)
  .concat(inDraft(otherModels), inScene(contextCandidates));

function sequenceCandidates(scene: Scene): readonly Candidate[] {
  if (scene.unit.intent.concurrency.value === 1) return [];
  return [
    {
      edits: annotate(scene, 'concurrency', '1', true),
      text: () => `ask for one sequence (${PREFIX}concurrency: 1)`,
    },
  ];
}

interface Target {
  readonly gpusPerNode: number;
  readonly place: (draft: Draft) => readonly Candidate[];
}

function targetsOf(refused: Tried, facts: Facts): readonly Target[] {
  const draft = draftOf(refused, facts);
  const classes = draft === null ? [] : usableClasses(draft);
  if (classes.length > 0) {
    const largest = classes.toSorted((one, other) => nodeBytes(other) - nodeBytes(one)).slice(0, MAX_TARGETS);
    return largest.map((one) => ({
      gpusPerNode: one.gpusPerNode,
      place: (now) => placeCandidates(now, one),
    }));
  }
  if (facts.inventory.state === 'known') return [{ gpusPerNode: MAX_TYPICAL, place: () => [] }];
  return [{ gpusPerNode: MAX_TYPICAL, place: namedCandidates }];
}

function nodeBytes({ device, gpusPerNode }: NodeClass): number {
  return (device?.usableBytes ?? 0) * gpusPerNode;
}

/** Without an inventory: the GPU is named, where one that is too small was or none at all. */
function namedCandidates(scene: Draft): readonly Candidate[] {
  const { spec } = scene.unit.members[0].template;
  const selected = [...spec.nodeSelector.keys()].filter(isProductLabel);
  const isNamed = selected.length > 0 || scene.unit.intent.gpus !== null;
  if (!isNamed && scene.unit.members[0].ask !== null) return [];
  const removed = selected.map(
    (key): Edit => ({ kind: 'remove-node-selector', podSpec: spec.path, key, value: null }),
  );
  const less = selected.length === 0 ? '' : ` instead of nodeSelector ${selected.join(', ')}`;
  return COMMON_GPUS.map((product) => ({
    edits: [...removed, ...annotate(scene, 'gpu', product, true)],
    text: () => `run on ${product} (annotate ${PREFIX}gpu: ${product}${less})`,
  }));
}

/** null where the object was not tried any more. */
type BoundedTry = (edits: readonly Edit[]) => Tried | null;

function bounded(attempt: TryEdits): BoundedTry {
  let tries = 0;
  return (edits) => {
    tries += 1;
    return tries > MAX_TRIES ? null : attempt(edits);
  };
}

/** One change that was made, among those that could have been. */
interface Step {
  readonly candidate: Candidate;
  readonly others: readonly Candidate[];
}

function editsOf(steps: readonly Step[]): readonly Edit[] {
  return steps.flatMap(({ candidate }) => candidate.edits);
}

function mend(refused: Tried, stages: readonly Stage[], facts: Facts, attempt: BoundedTry): Joint | null {
  let now = refused;
  let steps: readonly Step[] = [];
  for (const stage of stages) {
    if (now.isAdmitted) break;
    const best = bestOf(stage(now, facts), steps, attempt);
    if (best === null) continue;
    steps = [...steps, best.step];
    now = best.tried;
  }
  return now.isAdmitted ? jointOf(fewest(steps, attempt), now, attempt) : null;
}

/** The first change that is enough, else the one after which least is missing. */
function bestOf(
  candidates: readonly Candidate[],
  before: readonly Step[],
  attempt: BoundedTry,
): { readonly step: Step; readonly tried: Tried } | null {
  let best: { readonly step: Step; readonly tried: Tried } | null = null;
  for (const candidate of candidates) {
    const step = { candidate, others: candidates.filter((one) => one !== candidate) };
    const tried = attempt(editsOf([...before, step]));
    if (tried === null || tried.workload === null) continue;
    if (tried.isAdmitted) return { step, tried };
    if (best === null || missingBytes(tried) <= missingBytes(best.tried)) best = { step, tried };
  }
  return best;
}

function missingBytes({ judged }: Tried): number {
  if (judged === null || judged.fit === null) return Number.POSITIVE_INFINITY;
  return -judged.fit.headroomBytes * judged.gpus;
}

/** Without what is not needed, the largest changes first; then what is left as small as it can be. */
function fewest(steps: readonly Step[], attempt: BoundedTry): readonly Step[] {
  let left = steps;
  for (const step of steps.toReversed()) {
    const without = left.filter((one) => one !== step);
    if (without.length > 0 && attempt(editsOf(without))?.isAdmitted === true) left = without;
  }
  for (const step of left) {
    const smaller = step.others
      .map((candidate): Step => ({ candidate, others: [] }))
      .find((one) => attempt(editsOf(replaced(left, step, one)))?.isAdmitted === true);
    if (smaller !== undefined) left = replaced(left, step, smaller);
  }
  return left;
}

function replaced(steps: readonly Step[], old: Step, step: Step): readonly Step[] {
  return steps.map((one) => (one === old ? step : one));
}

function jointOf(steps: readonly Step[], found: Tried, attempt: BoundedTry): Joint {
  const edits = editsOf(steps);
  const words = steps.map(({ candidate }) => candidate.text(NOT_TRIED)).join(', and ');
  return { edits, text: words + needOf(attempt(edits) ?? found) };
}
