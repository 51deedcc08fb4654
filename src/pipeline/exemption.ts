import { type Finding, finding } from '../findings.ts';
import type { Annotations, AnnotationValue } from '../intent/annotations.ts';
import type { Policy } from '../plan/types.ts';
import type { DecideInput } from './types.ts';

const MIN_REASON = 10;

export interface Exemption {
  readonly isExempt: boolean;
  readonly findings: readonly Finding[];
}

export const NOT_EXEMPT: Exemption = { isExempt: false, findings: [] };

/** Who asks, and where. */
type Requested = Pick<DecideInput, 'user' | 'namespace'>;

/**
 * An exemption needs a reason, and a requester who may exempt. Rights are checked only when the annotation is added or
 * changed (contract §5); an unusable one is a finding, and the object is judged as if it had none.
 */
export function readExemption(
  annotations: Annotations,
  before: Annotations | null,
  policy: Policy,
  requested: Requested,
): Exemption {
  const value = annotations.values.get('exempt');
  if (value === undefined) return NOT_EXEMPT;
  const problem = reasonProblem(value) ?? rightsProblem(value, before, policy, requested);
  if (problem !== null)
    return { isExempt: false, findings: [finding('exemption-unusable', value.path, problem)] };
  return { isExempt: true, findings: [finding('exempt', value.path, `exempt: ${value.text.slice(0, 200)}`)] };
}

function reasonProblem(value: AnnotationValue): string | null {
  if (value.text.length >= MIN_REASON) return null;
  return `an exemption needs a reason of at least ${MIN_REASON} characters; the object is judged as usual`;
}

function rightsProblem(
  value: AnnotationValue,
  before: Annotations | null,
  policy: Policy,
  { user, namespace }: Requested,
): string | null {
  const { users, groups, namespaces } = policy.exemptions;
  const isOpen = users.length === 0 && groups.length === 0 && namespaces.length === 0;
  const isUnchanged = before?.values.get('exempt')?.text === value.text;
  if (isOpen || isUnchanged || user === null) return null;
  const isAllowed =
    users.includes(user.username) ||
    user.groups.some((group) => groups.includes(group)) ||
    (namespace !== null && namespaces.includes(namespace));
  return isAllowed ? null : 'this user may not exempt workloads here; the object is judged as usual';
}
