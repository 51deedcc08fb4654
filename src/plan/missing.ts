import { type Finding, finding, type JsonPath } from '../findings.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import { formatGib } from '../units.ts';
import { planFlags } from './flags.ts';
import type { Landing } from './free.ts';
import { cannotRun } from './native.ts';
import { noCount } from './no-count.ts';
import { parallelProblems, runningParallel } from './options.ts';
import { chosenPlan, type Outcome } from './outcome.ts';
import { elsewhere, mayLand, type Placement, placeMember } from './place.ts';
import { isAcceptedProduct, namedProducts, sizable, vendorOfImage } from './products.ts';
import { type Ranked, ranking } from './rank.ts';
import { knownClasses, type Reachable, reachableClasses, schedulingOf } from './reach.ts';
import { subjectText } from './texts.ts';
import type { Edit, Judged, NodeClass, PlanFacts } from './types.ts';
import { type Member, podsLike, podsOf, type Unit } from './unit.ts';
import { isEnough, isWholeGpu, judgeWay, MAX_TYPICAL, smallestWay, type Way } from './ways.ts';

interface ClassWay extends Way {
  readonly reach: Reachable;
}

/** The author gave no GPU count: the smallest valid one on the best shape, or a refusal that gives the counts. */
export function planMissing(unit: Unit, facts: PlanFacts): Outcome {
  const problems = flagProblems(unit);
  if (problems.length > 0) return { findings: problems, judged: null, plan: null, edits: [] };
  return facts.inventory.state === 'known' ? chooseKnown(unit, facts) : chooseNamed(unit, facts);
}

function flagProblems(unit: Unit): readonly Finding[] {
  if (unit.intent.workload === 'training') return [];
  const path = unit.reading?.flagSites.get('tensor-parallel')?.path ?? containerPath(unit);
  return parallelProblems(unit.intent, runningParallel(unit.intent, null)).map((text) =>
    finding('invalid-parallelism', path, text),
  );
}

function containerPath(unit: Unit): JsonPath {
  return unit.members[0].container.path;
}

// --- the cluster's own shapes ------------------------------------------------------------------------------------

function chooseKnown(unit: Unit, facts: PlanFacts): Outcome {
  const { policy } = facts;
  const ways: ClassWay[] = [];
  for (const nodeClass of knownClasses(facts)) {
    const way = wayOnClass(unit, nodeClass, facts);
    if (way !== null) ways.push(way);
  }
  const compare = ranking(
    policy,
    ways.map((one) => one.reach.nodeClass),
  );
  const rankedOf = (one: ClassWay): Ranked => ({
    nodeClass: one.reach.nodeClass,
    gpus: one.perPod * podsOf(unit),
  });
  let best: ClassWay | null = null;
  for (const way of ways) {
    if (best === null || compare(rankedOf(way), rankedOf(best)) < 0) best = way;
  }
  return best === null ? noCount(unit, facts) : onClass(unit, best, facts);
}

function wayOnClass(unit: Unit, nodeClass: NodeClass, { policy, catalog }: PlanFacts): ClassWay | null {
  const { device, sharing } = nodeClass;
  if (device === null || sharing !== 'none' || !isAccepted(unit, device)) return null;
  if (!isWholeGpu(nodeClass.resource) || cannotRun(unit, device.product, catalog)) return null;
  const [reach] = reachableClasses(
    [nodeClass],
    schedulingOf(unit, unit.members[0]),
    { resource: nodeClass.resource, count: 1 },
    policy,
  );
  if (reach === undefined) return null;
  const way = smallestWay(unit, device, nodeClass.gpusPerNode);
  return way === null ? null : { parallel: way.parallel, perPod: way.perPod, reach };
}

/** By the author's annotation, or as what the image was built for. */
export function isAccepted(unit: Unit, device: DeviceShape): boolean {
  const { gpus } = unit.intent;
  if (gpus !== null) return gpus.includes(device.product);
  return device.vendor === vendorOfImage(unit.members[0].container.image);
}

function onClass(unit: Unit, best: ClassWay, facts: PlanFacts): Outcome {
  const { nodeClass } = best.reach;
  const judged = judgeWay(unit, best, nodeClass.device);
  const counted = setCount(unit, nodeClass.resource, best, judged);
  const findings = [...counted.findings];
  const edits = [...counted.edits];
  const landings: Landing[] = [];
  for (const member of unit.members) {
    const placed = placeOn(unit, member, best, facts);
    findings.push(...placed.findings);
    edits.push(...placed.edits);
    if (placed.landing !== null) landings.push(placed.landing);
  }
  const flags = planFlags(unit, best.parallel, true);
  findings.push(...flags.findings);
  edits.push(...flags.edits);
  return {
    findings,
    judged,
    plan: chosenPlan(
      { resource: nodeClass.resource, gpus: best.perPod, pods: podsOf(unit) },
      nodeClass.id,
      best.parallel,
    ),
    edits,
    landings,
  };
}

interface Placed extends Placement {
  readonly landing: Landing | null;
}

/** Pods of one template on the class that was chosen for all of them. */
function placeOn(unit: Unit, member: Member, best: ClassWay, facts: PlanFacts): Placed {
  const { policy } = facts;
  const { nodeClass } = best.reach;
  const wanted = { resource: nodeClass.resource, count: best.perPod };
  const spec = schedulingOf(unit, member);
  const reached = reachableClasses(knownClasses(facts), spec, wanted, policy);
  const chosen = reached.find((one) => one.nodeClass === nodeClass);
  if (chosen === undefined) return { ...elsewhere(member, nodeClass), landing: null };
  const fitting = reached.filter((one) => holds(unit, one, best));
  const unfitting = reached.filter((one) => !fitting.includes(one));
  const placed = placeMember(unit, member, { best: chosen, fitting, unfitting }, policy);
  const landed: Landing = {
    path: [...member.container.path, 'resources'],
    pod: member.template.path,
    resource: nodeClass.resource,
    gpus: best.perPod,
    pods: podsLike(unit, member),
    classes: fitting.filter((one) => mayLand(one, chosen, placed)).map((one) => one.nodeClass),
  };
  return { findings: placed.findings, edits: placed.edits, landing: landed };
}

function holds(unit: Unit, reach: Reachable, best: Way): boolean {
  const { device, sharing } = reach.nodeClass;
  if (device === null || (sharing !== 'none' && sharing !== 'not-ready') || !isAccepted(unit, device))
    return false;
  return isEnough(unit, best, device);
}

interface Counted {
  readonly edits: readonly Edit[];
  readonly findings: readonly Finding[];
}

function setCount(unit: Unit, resource: string, way: Way, judged: Judged): Counted {
  const path = [...containerPath(unit), 'resources'];
  const text = `${way.perPod} x ${resource} (${subjectText(unit.intent)}: ${formatGib(judged.perGpu.mid)} per GPU)`;
  if (!unit.canEdit) {
    return {
      edits: [],
      findings: [finding('gpu-count-missing', path, `no GPU is requested here; set ${text}`)],
    };
  }
  const edits = unit.members
    .filter((member) => member.ask === null)
    .map(
      (member): Edit => ({
        kind: 'set-gpu-count',
        container: member.container.path,
        resource,
        count: way.perPod,
      }),
    );
  return { edits, findings: [finding('value-set', path, `GPU count set to ${text}`)] };
}

// --- no inventory ------------------------------------------------------------------------------------------------

function chooseNamed(unit: Unit, facts: PlanFacts): Outcome {
  const named = namedProducts(facts, unit.intent, unit.members[0].template.spec);
  if (named === null) return noCount(unit, facts);
  const devices = sizable(
    named.filter((gpu) => gpu.mig === null && isAcceptedProduct(unit.intent, gpu.product)),
  );
  const [smallest] = devices.toSorted((one, other) => one.device.usableBytes - other.device.usableBytes);
  if (smallest === undefined) return noCount(unit, facts);
  const most = Math.min(MAX_TYPICAL, Math.max(1, ...smallest.gpu.typicalPerNode));
  const way = smallestWay(unit, smallest.device, most);
  if (way === null) return noCount(unit, facts);
  const judged = judgeWay(unit, way, smallest.device);
  const counted = setCount(unit, smallest.gpu.resource, way, judged);
  const flags = planFlags(unit, way.parallel, true);
  const message = `no inventory: the count is for ${smallest.gpu.product}, and no placement was set`;
  return {
    findings: [
      ...counted.findings,
      finding('inventory-unknown', containerPath(unit), message),
      ...flags.findings,
    ],
    judged,
    plan: chosenPlan(
      { resource: smallest.gpu.resource, gpus: way.perPod, pods: podsOf(unit) },
      smallest.gpu.product,
      way.parallel,
    ),
    edits: [...counted.edits, ...flags.edits],
  };
}
