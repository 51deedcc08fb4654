import { type Finding, type FindingCode, finding, type JsonPath } from '../findings.ts';
import type { Decision, Edit, Mode, Policy } from '../plan/types.ts';

/**
 * The validating webhook judges the object as it will be stored. Edits that a decision still wants at that point
 * were never made: the mutating webhook was not called, timed out, or another one undid it.
 */

interface Missing {
  readonly code: FindingCode;
  readonly path: JsonPath;
  readonly message: string;
}

function missingOf(edit: Edit): Missing | null {
  if (edit.kind === 'set-gpu-count') {
    const message = `${edit.resource}: ${edit.count} is needed and was not filled in: add it to resources.limits`;
    return { code: 'gpu-count-missing', path: [...edit.container, 'resources', 'limits'], message };
  }
  if (edit.kind === 'append-args') {
    return { code: 'flag-missing', path: edit.list, message: `add the flags ${edit.args.join(' ')}` };
  }
  if (edit.kind === 'set-env') {
    const message = `set the variable ${edit.name} to ${edit.value}`;
    return { code: 'flag-missing', path: [...edit.container, 'env'], message };
  }
  return null;
}

function isPlacement({ kind }: Edit): boolean {
  return kind === 'set-node-selector' || kind === 'add-node-affinity' || kind === 'add-toleration';
}

function modeOf(code: FindingCode, decision: Decision, policy: Policy): Mode {
  if (code === 'flag-missing' && policy.missingFlag === 'warn' && decision.mode === 'enforce') return 'warn';
  return policy.codeModes.get(code) ?? decision.mode;
}

function refuse<D extends Decision>(decision: D, missing: readonly Finding[]): D {
  const lines = ['does not run as written', ...missing.map(({ message }) => message)];
  const findings = [...decision.findings, ...missing];
  return { ...decision, verdict: 'deny', allowed: false, status: 403, findings, message: lines.join('\n') };
}

/**
 * A count or a flag that is missing is what the object would fail for, so it refuses like any other misfit. Missing
 * placement only warns: another replica may know nodes that this one does not (contract §5).
 */
export function asWritten<D extends Decision>(decision: D, policy: Policy): D {
  if (!decision.allowed || decision.edits.length === 0) return decision;
  const missing = decision.edits.map(missingOf).filter((one) => one !== null);
  const unmet = missing.map(({ code, path, message }) => finding(code, path, message));
  const modes = unmet.map(({ code }) => modeOf(code, decision, policy));
  if (modes.includes('enforce')) return refuse(decision, unmet);
  const shown = unmet.filter((_, index) => modes[index] === 'warn').map(({ message }) => message);
  const unplaced = decision.edits.some(isPlacement) && decision.mode !== 'audit';
  if (unplaced) shown.push('vramgate: no placement was set; a node that is too small may be chosen');
  const findings = [...decision.findings, ...unmet];
  return { ...decision, findings, warnings: [...decision.warnings, ...shown] };
}
