import { contentHash } from '../catalog/content-hash.ts';
import { formatPath, severityOf } from '../findings.ts';
import type { Intent } from '../intent/types.ts';
import type { Decision, Judged, Policy } from '../plan/types.ts';
import type { DecisionRecord, Facts, RecordIdentity, RecordInputs } from './types.ts';

/** The decision as one plain value. Log line, audit annotations and metric labels are made from it and nothing else. */
export function decisionRecord(
  decision: Decision,
  identity: RecordIdentity,
  facts: Facts,
  patchPaths: readonly string[],
): DecisionRecord {
  const { policy, catalog } = facts;
  return {
    decision: contentHash([identity.uid ?? '', identity.webhook, policy.hash, catalog.version].join(' ')),
    uid: identity.uid,
    time: identity.time,
    webhook: identity.webhook,
    mode: decision.mode,
    verdict: decision.verdict,
    allowed: decision.allowed,
    operation: identity.operation,
    dryRun: identity.dryRun,
    subject: {
      kind: identity.kind,
      namespace: identity.namespace,
      name: identity.name,
      generateName: identity.generateName,
      user: identity.user,
    },
    ...sizedPart(decision.judged),
    plannedGpus: decision.plan?.gpus ?? null,
    shape: decision.plan?.shape ?? null,
    findings: decision.findings.map((one) => ({
      code: one.code,
      severity: severityOf(one.code),
      path: formatPath(one.path),
    })),
    patchPaths,
    policyHash: policy.hash,
    catalogVersion: catalog.version,
    durationMicroseconds: identity.durationMicroseconds,
    inputs: inputsOf(decision, facts),
  };
}

type SizedPart = Pick<
  DecisionRecord,
  | 'model'
  | 'checkpoint'
  | 'context'
  | 'quantization'
  | 'kvCacheDtype'
  | 'engine'
  | 'engineVersion'
  | 'engineRecognisedBy'
  | 'bytesNeededPerGpu'
  | 'bytesAvailablePerGpu'
  | 'requestedGpus'
>;

function sizedPart(judged: Judged | null): SizedPart {
  const intent = judged?.intent ?? null;
  return {
    model: intent?.model.value.id ?? null,
    checkpoint: intent?.checkpoint?.value.id ?? null,
    context: intent?.context.value ?? null,
    quantization: intent?.quantization ?? null,
    kvCacheDtype: intent?.kvDtype.name ?? null,
    engine: intent?.engine ?? null,
    engineVersion: intent?.engineVersion ?? null,
    engineRecognisedBy: intent?.engineRecognisedBy ?? null,
    bytesNeededPerGpu: judged === null ? null : Math.round(judged.perGpu.mid),
    bytesAvailablePerGpu: judged?.fit?.budgetBytes ?? null,
    requestedGpus: judged?.gpus ?? null,
  };
}

/** Enough to compute the decision again from this line (contract §5); texts of the author are ids and numbers by now. */
function inputsOf(decision: Decision, facts: Facts): RecordInputs | null {
  if (decision.judged === null) return null;
  const { inventory } = facts;
  return {
    intent: intentInputs(decision.judged.intent),
    parallel: decision.judged.parallel,
    policy: policyInputs(facts.policy),
    inventory: inventory.state,
    shapes: inventory.state === 'known' ? inventory.classes.map((one) => one.id).slice(0, 64) : [],
  };
}

function intentInputs(intent: Intent): Readonly<Record<string, unknown>> {
  const { model, checkpoint, loadedFrom, context, concurrency, kvCacheDtype, ...plain } = intent;
  return {
    ...plain,
    model: model.value.id,
    checkpoint: checkpoint?.value.id ?? null,
    loadedFrom: loadedFrom?.id ?? null,
    context: context.value,
    contextFrom: context.origin.from,
    concurrency: concurrency.value,
    kvCacheDtype: kvCacheDtype.value,
  };
}

function policyInputs(policy: Policy): Readonly<Record<string, unknown>> {
  const { codeModes, prices, exemptions, hash, ...plain } = policy;
  return { ...plain, codeModes: Object.fromEntries(codeModes), prices: Object.fromEntries(prices) };
}
