import { contentHash } from '../catalog/content-hash.ts';
import { formatPath, severityOf } from '../findings.ts';
import type { Inventory, Judged } from '../plan/types.ts';
import { askedGpus } from '../plan/unit.ts';
import { type RecordInputs, recordInputs } from './record-inputs.ts';
import { shortText, shortTextOrNull, token, tokenOrNull } from './record-texts.ts';
import type { Basis, Decided, DecisionRecord, Facts, RecordIdentity } from './types.ts';

/** Of findings and of patch paths; an object that has more is written out by nobody. */
const MAX_PATHS = 64;

/** The decision as one plain value. Log line, audit annotations and metric labels are made from it and nothing else. */
export function decisionRecord(
  decision: Decided,
  identity: RecordIdentity,
  facts: Facts,
  patchPaths: readonly string[],
): DecisionRecord {
  const { policy, catalog } = facts;
  const { webhook } = identity;
  const { replicas } = decision.basis;
  const uid = tokenOrNull(identity.uid);
  const outcome = outcomeOf(decision, webhook);
  return {
    decision: decisionId({ uid, webhook }, policy.hash, catalog.version),
    uid,
    time: identity.time,
    webhook,
    mode: outcome.mode,
    verdict: outcome.verdict,
    allowed: outcome.allowed,
    model: outcome.model,
    checkpoint: outcome.checkpoint,
    context: outcome.context,
    quantization: outcome.quantization,
    kvCacheDtype: outcome.kvCacheDtype,
    engine: outcome.engine,
    engineVersion: outcome.engineVersion,
    engineRecognisedBy: outcome.engineRecognisedBy,
    parallel: outcome.parallel,
    bytesNeededPerGpu: outcome.bytesNeededPerGpu,
    bytesAvailablePerGpu: outcome.bytesAvailablePerGpu,
    requestedGpus: outcome.requestedGpus,
    plannedGpus: outcome.plannedGpus,
    shape: outcome.shape,
    operation: identity.operation,
    dryRun: identity.dryRun,
    subject: subjectOf(identity),
    replicas,
    free: decision.basis.free,
    findings: decision.findings.slice(0, MAX_PATHS).map((one) => ({
      code: one.code,
      severity: severityOf(one.code),
      path: token(formatPath(one.path)),
    })),
    patchPaths: patchPaths.slice(0, MAX_PATHS).map((path) => token(path)),
    policyHash: policy.hash,
    catalogVersion: catalog.version,
    vramgateVersion: __VRAMGATE_VERSION__,
    durationMicroseconds: identity.durationMicroseconds,
    inputs: recordInputs(decision.basis, facts),
  };
}

/** The record of a decision that was reached before, for another request of the same content. */
export function identifyRecord(
  record: DecisionRecord,
  identity: RecordIdentity,
  { inventory }: Facts,
): DecisionRecord {
  const uid = tokenOrNull(identity.uid);
  return {
    ...record,
    decision: decisionId({ uid, webhook: identity.webhook }, record.policyHash, record.catalogVersion),
    uid,
    time: identity.time,
    webhook: identity.webhook,
    operation: identity.operation,
    dryRun: identity.dryRun,
    subject: subjectOf(identity),
    durationMicroseconds: identity.durationMicroseconds,
    inputs: agedInputs(record.inputs, inventory),
  };
}

/** The same inventory, known for longer. What was left out of a record for its length has no age. */
function agedInputs(inputs: RecordInputs | null, inventory: Inventory): RecordInputs | null {
  if (inputs === null || inputs.inventory.state === 'unknown' || inventory.state === 'unknown') return inputs;
  if (inputs.truncated?.without.includes('shapes') === true) return inputs;
  return { ...inputs, inventory: { ...inputs.inventory, ageSeconds: inventory.ageSeconds } };
}

/** What a decision came to: what a replay computes again and compares. */
export type RecordedOutcome = Pick<
  DecisionRecord,
  | 'mode'
  | 'verdict'
  | 'allowed'
  | 'model'
  | 'checkpoint'
  | 'context'
  | 'quantization'
  | 'kvCacheDtype'
  | 'engine'
  | 'engineVersion'
  | 'engineRecognisedBy'
  | 'parallel'
  | 'bytesNeededPerGpu'
  | 'bytesAvailablePerGpu'
  | 'requestedGpus'
  | 'plannedGpus'
  | 'shape'
>;

/** `allowed` is what the caller was told: `/mutate` edits or leaves alone, and never refuses. */
export function outcomeOf(
  { mode, verdict, allowed, judged, basis, plan }: Decided,
  webhook: DecisionRecord['webhook'],
): RecordedOutcome {
  const intent = judged?.intent ?? null;
  const { need, have } = needAndHave(judged);
  return {
    mode,
    verdict,
    allowed: allowed || webhook === 'mutate',
    model: intent?.model.value.id ?? null,
    checkpoint: intent?.checkpoint?.value.id ?? null,
    context: intent?.context.value ?? null,
    quantization: intent?.quantization ?? null,
    kvCacheDtype: intent?.kvDtype.name ?? null,
    engine: intent?.engine ?? null,
    engineVersion: tokenOrNull(intent?.engineVersion ?? null),
    engineRecognisedBy: intent?.engineRecognisedBy ?? null,
    parallel: judged?.parallel ?? null,
    bytesNeededPerGpu: need,
    bytesAvailablePerGpu: have,
    requestedGpus: requestedGpus(basis),
    plannedGpus: plan === null ? null : plan.gpus * plan.nodes,
    shape: plan === null ? null : tokenOrNull(plan.shape),
  };
}

/** Of what a record itself holds, so that anyone can check it. */
export function decisionId(
  { uid, webhook }: Pick<RecordIdentity, 'uid' | 'webhook'>,
  policyHash: string,
  catalogVersion: string,
): string {
  return contentHash(`${uid ?? ''} ${webhook} ${policyHash} ${catalogVersion}`);
}

function subjectOf(identity: RecordIdentity): DecisionRecord['subject'] {
  return {
    kind: shortText(identity.kind),
    namespace: shortTextOrNull(identity.namespace),
    name: shortTextOrNull(identity.name),
    generateName: shortTextOrNull(identity.generateName),
    user: shortTextOrNull(identity.user),
  };
}

/**
 * Of the limit that binds: what counts against the engine's budget, or, where the GPU as a whole binds, all that is on
 * it. Need exceeds have where it does not fit: an engine that keeps more beside its budget than is left takes both.
 */
function needAndHave(judged: Judged | null): { readonly need: number | null; readonly have: number | null } {
  if (judged === null) return { need: null, have: null };
  const { fit, perGpu } = judged;
  if (fit === null) return { need: Math.round(perGpu.mid), have: null };
  const { usableBytes, budgetBytes, headroomBytes } = fit;
  const have = fit.binding === 'rest' ? usableBytes : budgetBytes;
  const isWhole = fit.binding === 'rest' && headroomBytes >= 0;
  const need = isWhole ? perGpu.mid : have - headroomBytes;
  return { need: Math.round(need), have };
}

function requestedGpus({ readings }: Basis): number | null {
  let sum = 0;
  for (const { unit } of readings) sum += unit === null ? 0 : (askedGpus(unit) ?? 0);
  return sum === 0 ? null : sum;
}
