import { APPLIED_KEY } from '../intent/keys.ts';
import { applyEdits } from '../plan/apply-edits.ts';
import type { RemovalEdit } from '../plan/remove-edits.ts';
import type { Applied, AppliedEdit } from './applied.ts';

/**
 * The object as its author wrote it: a copy without those of our values that still stand exactly as recorded, and
 * without the record. A value that the author has changed since stays: it is the author's now.
 */
export function stripApplied(object: unknown, applied: Applied): unknown {
  return applyEdits(object, [
    ...applied.set.map(inverseOf),
    { kind: 'set-annotation', metadata: ['metadata'], key: APPLIED_KEY, value: null },
  ]);
}

/** What takes one of our values back. */
export function inverseOf(edit: AppliedEdit): RemovalEdit {
  switch (edit.kind) {
    case 'set-gpu-count':
      return { ...edit, kind: 'remove-gpu-count' };
    case 'set-node-selector':
      return { ...edit, kind: 'remove-node-selector' };
    case 'add-node-affinity':
      return { ...edit, kind: 'remove-node-affinity' };
    case 'add-toleration':
      return { ...edit, kind: 'remove-toleration' };
    case 'append-args':
      return { kind: 'remove-args', list: edit.list, args: edit.args };
    case 'set-env':
      return { ...edit, kind: 'remove-env' };
  }
}
