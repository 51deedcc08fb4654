import { type Finding, finding } from '../findings.ts';
import { acrossNodesText } from './across-nodes.ts';
import { type Asked, catalogDevices, closeCall, countedOf, type JudgedClass, refused } from './asked.ts';
import type { Landing } from './free.ts';
import { chosenPlan, type Outcome } from './outcome.ts';
import { mayLand, names, type Placement, placeMember } from './place.ts';
import { isAcceptedProduct } from './products.ts';
import { ranking } from './rank.ts';
import { hasOwnPlacement, knownClasses, reachableClasses, schedulingOf, withoutPlacement } from './reach.ts';
import type { Judged, NodeClass } from './types.ts';
import { type Member, type PlannedSpec, podsLike, trainingGpus } from './unit.ts';
import { holdsOtherwise } from './ways.ts';

/** A replica in a cluster that is known: every template's pods must fit wherever the scheduler may put them. */
export function landKnown(asked: Asked): Outcome {
  const asking = asked.unit.members.filter(({ ask, pods }) => pods > 0 && (ask?.count ?? 0) > 0);
  const outcomes = asking.map((member) => landMember({ ...asked, ask: member.ask ?? asked.ask }, member));
  const [first, ...others] = outcomes;
  if (first === undefined) throw new RangeError('a replica without a request has no place to land');
  return others.reduce(joined, first);
}

/** Of several templates the one that does not fit is what the verdict hangs on. */
function joined(one: Outcome, other: Outcome): Outcome {
  const isWorse = other.judged?.fit?.fitsAtLow === false && one.judged?.fit?.fitsAtLow !== false;
  const told = new Set(one.findings.map(textOf));
  return {
    ...(isWorse ? other : one),
    findings: [...one.findings, ...other.findings.filter((found) => !told.has(textOf(found)))],
    edits: [...one.edits, ...other.edits],
    landings: [...(one.landings ?? []), ...(other.landings ?? [])],
  };
}

function textOf({ code, message }: Finding): string {
  return `${code} ${message}`;
}

function landMember(asked: Asked, member: Member): Outcome {
  const judged = judgeReached(asked, schedulingOf(asked.unit, member));
  const fitting = judged.filter((one) => isFitting(asked, one));
  if (fitting.length === 0) return landNowhere(asked, member, amongAccepted(asked, judged));
  const unfitting = judged.filter((one) => !fitting.includes(one));
  return landFitting(asked, member, { fitting, unfitting });
}

function judgeReached(asked: Asked, spec: PlannedSpec): readonly JudgedClass[] {
  const { ask, facts, unit, parallel } = asked;
  const wanted = { resource: ask.resource, count: ask.scheduled };
  return reachableClasses(knownClasses(facts), spec, wanted, facts.policy).map((reach) => {
    const { device } = reach.nodeClass;
    return { reach, judged: device === null ? null : unit.sizer.judge(parallel, device, trainingGpus(unit)) };
  });
}

/** Refused is only what does not fit at the low end of the measured spread (contract §3). */
function isFitting(asked: Asked, one: JudgedClass): boolean {
  if (one.judged?.fit?.fitsAtLow !== true) return false;
  const { sharing, device } = one.reach.nodeClass;
  if (!isAcceptedProduct(asked.unit.intent, device?.product ?? '')) return false;
  return sharing === 'none' || sharing === 'not-ready' || isSingleSlice(asked, sharing);
}

/** A MIG slice, an MPS share or a time slice can hold one rank, never several: slices cannot be joined. */
function isSingleSlice(asked: Asked, sharing: string): boolean {
  return asked.ask.count === 1 && (sharing === 'mig' || sharing === 'mps' || sharing === 'time-slicing');
}

interface Choice {
  readonly fitting: readonly JudgedClass[];
  readonly unfitting: readonly JudgedClass[];
}

function landFitting(asked: Asked, member: Member, choice: Choice): Outcome {
  const { best, peers, placed } = choosePlace(asked, member, choice);
  const landing = [best, ...peers].filter((one) => mayLand(one.reach, best.reach, placed));
  return {
    findings: [
      ...placed.findings,
      ...closeFindings(asked, landing),
      ...landing.flatMap((one) => sharingFindings(asked, one)),
    ],
    judged: best.judged,
    plan: chosenPlan(countedOf(asked), best.reach.nodeClass.id, asked.parallel),
    edits: placed.edits,
    landings: [landed(asked, member, landing)],
  };
}

function landed({ unit, ask }: Asked, member: Member, landing: readonly JudgedClass[]): Landing {
  return {
    path: ask.path,
    pod: member.template.path,
    resource: ask.resource,
    gpus: ask.scheduled,
    pods: podsLike(unit, member),
    classes: landing.map(({ reach }) => reach.nodeClass),
  };
}

interface Chosen {
  readonly best: JudgedClass;
  readonly peers: readonly JudgedClass[];
  readonly placed: Placement;
}

/**
 * Time slices share one memory without any limit, so a pod is kept off them where whole GPUs are there as well; where
 * no label keeps it off, it may land on one and is told.
 */
function choosePlace(asked: Asked, member: Member, { fitting, unfitting }: Choice): Chosen {
  const sliced = fitting.filter(isSliced);
  const exclusive = fitting.filter((one) => !isSliced(one));
  if (sliced.length > 0 && exclusive.length > 0) {
    const chosen = placeAmong(asked, member, { fitting: exclusive, unfitting: [...unfitting, ...sliced] });
    if (chosen.placed.findings.length === 0) return chosen;
  }
  return placeAmong(asked, member, { fitting, unfitting });
}

function isSliced(one: JudgedClass): boolean {
  return one.reach.nodeClass.sharing === 'time-slicing';
}

function placeAmong(asked: Asked, member: Member, { fitting, unfitting }: Choice): Chosen {
  const { ask, facts } = asked;
  const compare = ranking(
    facts.policy,
    fitting.map((one) => one.reach.nodeClass),
  );
  const [best, ...peers] = fitting.toSorted(
    (one, other) =>
      Number(isClose(one)) - Number(isClose(other)) ||
      Number(one.reach.taintsToTolerate.length > 0) - Number(other.reach.taintsToTolerate.length > 0) ||
      compare(
        { nodeClass: one.reach.nodeClass, gpus: ask.count },
        { nodeClass: other.reach.nodeClass, gpus: ask.count },
      ),
  );
  if (best === undefined) throw new RangeError('no fitting class to choose from');
  const landing = {
    best: best.reach,
    fitting: [best, ...peers].map((one) => one.reach),
    unfitting: unfitting.map((one) => one.reach),
  };
  return { best, peers, placed: placeMember(asked.unit, member, landing, facts.policy) };
}

function isClose(one: JudgedClass): boolean {
  return one.judged?.fit?.fitsAtHigh !== true;
}

/** Once: of all the classes that the pod may land on, the one with the least room. */
function closeFindings(asked: Asked, landing: readonly JudgedClass[]): readonly Finding[] {
  const room = ({ judged }: JudgedClass): number => judged?.fit?.headroomBytes ?? 0;
  const [closest] = landing.filter(isClose).toSorted((one, other) => room(one) - room(other));
  const close = closest?.judged ?? null;
  return close === null ? [] : closeCall(close, asked.ask.path);
}

function sharingFindings(asked: Asked, one: JudgedClass): readonly Finding[] {
  const { sharing, id } = one.reach.nodeClass;
  if (sharing !== 'time-slicing' && sharing !== 'mps') return [];
  const message = `${id} is shared by ${sharing}: its memory is not exclusive to this pod`;
  return [finding('shared-gpu', asked.ask.path, message)];
}

// --- nowhere -----------------------------------------------------------------------------------------------------

/**
 * No class that the pod can reach holds it. It is the author's doing where the cluster has nodes that would hold it
 * with another count, other flags or another selector; else it is a matter of capacity, as long as some GPU of the
 * catalog carries it (contract §4).
 */
/** Of GPUs that the author accepts the refusal speaks; where no node has one, of those that there are. */
function amongAccepted(asked: Asked, judged: readonly JudgedClass[]): readonly JudgedClass[] {
  const accepted = judged.filter(({ reach }) =>
    isAcceptedProduct(asked.unit.intent, reach.nodeClass.device?.product ?? ''),
  );
  return accepted.length > 0 ? accepted : judged;
}

function landNowhere(asked: Asked, member: Member, judged: readonly JudgedClass[]): Outcome {
  const largest = largestOf(judged);
  if (largest === null && judged.length > 0) return unknownDevices(asked, judged);
  const carried = isAuthorsDoing(asked, member, judged) ? null : carriedBy(asked);
  if (carried === null) return refused(asked, largest ?? onLargest(asked), judged);
  return {
    findings: [finding('no-node-fits', asked.ask.path, noNodeText(asked, member, judged, carried))],
    judged: largest ?? carried,
    plan: chosenPlan(countedOf(asked), null, asked.parallel),
    edits: [],
  };
}

/** Devices of several models behind one name, or of none that the catalog knows. */
function unknownDevices(asked: Asked, judged: readonly JudgedClass[]): Outcome {
  const ids = names(judged.map((one) => one.reach.nodeClass));
  const message = `the memory of the GPUs of ${ids} is not known here; nothing was checked`;
  return {
    findings: [finding('unknown-gpu', asked.ask.path, message)],
    judged: asked.unit.sizer.judge(asked.parallel, null, trainingGpus(asked.unit)),
    plan: chosenPlan(countedOf(asked), null, asked.parallel),
    edits: [],
  };
}

/** On the smallest GPU of the catalog that carries it; null where none does. */
function carriedBy(asked: Asked): Judged | null {
  for (const { device } of catalogDevices(asked)) {
    const judged = asked.unit.sizer.judge(asked.parallel, device, trainingGpus(asked.unit));
    if (judged.fit?.fitsAtLow === true) return judged;
  }
  return null;
}

/** What a refusal shows where the pod can reach nothing that is known. */
function onLargest(asked: Asked): Judged | null {
  const largest = catalogDevices(asked).at(-1);
  if (largest === undefined) return null;
  return asked.unit.sizer.judge(asked.parallel, largest.device, trainingGpus(asked.unit));
}

function largestOf(judged: readonly JudgedClass[]): Judged | null {
  const sized = judged.flatMap((one) => (one.judged === null ? [] : [one.judged]));
  return sized.toSorted((one, other) => deviceBytes(other) - deviceBytes(one))[0] ?? null;
}

function deviceBytes(judged: Judged): number {
  return judged.device?.usableBytes ?? 0;
}

function isAuthorsDoing(asked: Asked, member: Member, judged: readonly JudgedClass[]): boolean {
  const { unit } = asked;
  if (isSlicesOnly(asked, judged)) return true;
  if (judged.length === 0) return false;
  const spec = schedulingOf(unit, member);
  if (holdsOtherwise(unit, offering(asked, spec))) return true;
  return (
    hasOwnPlacement(spec) && judgeReached(asked, withoutPlacement(spec)).some((one) => isFitting(asked, one))
  );
}

/** Slices and shares of a GPU, several of which never make one: whole GPUs of the catalog would be another resource. */
function isSlicesOnly({ ask }: Asked, judged: readonly JudgedClass[]): boolean {
  if (ask.count > 1 && (ask.form === 'mig' || ask.form === 'shared')) return true;
  const isWhole = (one: JudgedClass): boolean =>
    one.reach.nodeClass.sharing === 'none' || one.reach.nodeClass.sharing === 'not-ready';
  return judged.length > 0 && !judged.some(isWhole);
}

/** Classes that the pods could reach if they asked for one device. */
function offering({ ask, facts }: Asked, spec: PlannedSpec): readonly NodeClass[] {
  const wanted = { resource: ask.resource, count: 1 };
  return reachableClasses(knownClasses(facts), spec, wanted, facts.policy).map((one) => one.nodeClass);
}

function noNodeText(asked: Asked, member: Member, judged: readonly JudgedClass[], carried: Judged): string {
  const { ask, unit, facts } = asked;
  const classes = judged.map((one) => one.reach.nodeClass);
  const isNamed = classes.some(({ device }) => isAcceptedProduct(unit.intent, device?.product ?? ''));
  const reached = facts.policy.disclose ? names(classes) : 'the nodes that it can reach';
  const known =
    classes.length === 0
      ? 'no node or pool that is known offers it'
      : `${reached} ${isNamed ? 'cannot hold it' : 'are not among the GPUs that vramgate.io/gpu accepts'}`;
  const over = acrossNodesText(unit, offering(asked, schedulingOf(unit, member)));
  const spread = over === null ? '' : `; over several nodes: ${over}`;
  return `${ask.count} x ${ask.resource}: ${known}; ${carried.device?.product ?? 'another GPU'} would${spread}`;
}
