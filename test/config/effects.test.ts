import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Outcome, Webhook } from '../../src/admission/handle.ts';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { parseConfig } from '../../src/config/file.ts';
import { readInventory } from '../../src/inventory/read.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import type { Inventory, Mode } from '../../src/plan/types.ts';
import {
  at,
  codesOf,
  created,
  deployment,
  envelope,
  FITS,
  glance,
  handle,
  INCOMPLETE,
  type Members,
  NOT_OURS,
  patchOf,
  type Subject,
  UNDERSIZED,
  UNKNOWN_MODEL,
} from '../admission/subjects.ts';

/** From the text of a configuration file to the answer: every key of the policy reaches a verdict. */

const NODES: Members = parse(readFileSync(new URL('../demo/inventory.yaml', import.meta.url), 'utf8'));
/** Nodes with 8 H100 and nodes with 8 L40S. */
const KNOWN = readInventory([NODES], builtinCatalog).inventory;
const UNKNOWN: Inventory = { state: 'unknown', reason: 'test' };

interface Setting {
  readonly inventory?: Inventory;
  readonly namespaceMode?: Mode;
}

function facts(policy: string, { inventory = KNOWN, namespaceMode }: Setting = {}): Facts {
  const { config, findings } = parseConfig(`policy: ${policy}`, builtinCatalog);
  if (config === null) throw new Error(JSON.stringify(findings));
  return { policy: config.policy, catalog: config.catalog, inventory, namespaceMode: namespaceMode ?? null };
}

function answer(
  subject: Subject,
  policy: string,
  setting: Setting = {},
  webhook: Webhook = 'validate',
): Outcome {
  return handle(webhook, created(subject), facts(policy, setting));
}

function patchText(subject: Subject, policy: string, setting: Setting = {}): string {
  return JSON.stringify(patchOf(answer(subject, policy, setting, 'mutate')));
}

const DENIED = { allowed: false, code: 403 };
const WARNED = { allowed: true, warns: true };
const SILENT = { allowed: true, warns: false };

describe('policy', () => {
  it.each([
    ['{}', UNDERSIZED, DENIED],
    ['{ mode: warn }', UNDERSIZED, WARNED],
    ['{ mode: audit }', UNDERSIZED, SILENT],
    ['{ codeModes: { does-not-fit: warn, gpu-count-too-small: warn } }', UNDERSIZED, WARNED],
    ['{ codeModes: { does-not-fit: audit, gpu-count-too-small: audit } }', UNDERSIZED, { allowed: true }],
    [
      '{ mode: audit, codeModes: { does-not-fit: enforce, gpu-count-too-small: enforce } }',
      UNDERSIZED,
      DENIED,
    ],
    ['{}', UNKNOWN_MODEL, WARNED],
    ['{ unknown: deny }', UNKNOWN_MODEL, DENIED],
    ['{ unknown: allow }', UNKNOWN_MODEL, SILENT],
    ['{}', NOT_OURS, SILENT],
    ['{ unannotated: warn }', NOT_OURS, WARNED],
    ['{ unannotated: judge }', NOT_OURS, DENIED],
    ['{}', FITS, { allowed: true }],
    ['{ headroom: 60Gi }', FITS, DENIED],
  ])('%s', (policy, subject, want) => {
    expect(glance(answer(subject, policy))).toMatchObject(want);
  });

  it.each([
    ['{}', 'audit', SILENT],
    ['{ minimumMode: warn }', 'audit', WARNED],
    ['{ minimumMode: enforce }', 'audit', DENIED],
    ['{ mode: audit }', 'enforce', DENIED],
    ['{ mode: audit, minimumMode: warn }', 'warn', WARNED],
  ] as const)('%s in a namespace that is labelled %s', (policy, namespaceMode, want) => {
    expect(glance(answer(UNDERSIZED, policy, { namespaceMode }))).toMatchObject(want);
  });

  it('preferGpus and prices choose between GPUs that both carry it', () => {
    // Two H100 of 80 GB carry it, of the L40S with 48 GB it takes four.
    const [h100, l40s] = [/nvidia\.com~1gpu","value":"2"/, /nvidia\.com~1gpu","value":"4"/];

    expect(patchText(INCOMPLETE, '{}')).toMatch(h100);
    expect(patchText(INCOMPLETE, '{ preferGpus: [L40S, H100] }')).toMatch(l40s);
    expect(patchText(INCOMPLETE, '{ preferGpus: [H100, L40S] }')).toMatch(h100);
    expect(patchText(INCOMPLETE, '{ prices: { L40S: 1, H100: 10 } }')).toMatch(l40s);
    expect(patchText(INCOMPLETE, '{ prices: { L40S: 10, H100: 1 } }')).toMatch(h100);
  });

  it('placement writes a selector or an affinity', () => {
    expect(patchText(INCOMPLETE, '{}')).toMatch(/spec\/nodeSelector/);
    expect(patchText(INCOMPLETE, '{ placement: affinity }')).toMatch(/requiredDuringScheduling/);
    expect(patchText(INCOMPLETE, '{ placement: affinity }')).not.toMatch(/spec\/nodeSelector/);
  });

  it('defaultGpu fills in a count where no inventory and no author names a GPU', () => {
    const setting = { inventory: UNKNOWN };

    expect(codesOf(answer(INCOMPLETE, '{}', setting))).toContain('gpu-count-missing');
    expect(patchText(INCOMPLETE, '{ defaultGpu: H100 }', setting)).toMatch(/nvidia\.com~1gpu.*"2"/);
  });

  it('disclose: false leaves the shapes of the cluster out of what a refusal says', () => {
    const subject = { ...UNDERSIZED, nodeSelector: null };
    const message = (policy: string): string => {
      const { status } = answer(subject, policy).answer.response;
      return `${status?.message} ${JSON.stringify(status?.details)}`;
    };

    expect(message('{}')).toMatch(/L40S|H100/);
    expect(message('{ disclose: false }')).not.toMatch(/L40S|H100/);
  });

  it('method: published judges by the published figures', () => {
    const needed = (policy: string): number | null => answer(FITS, policy).record.bytesNeededPerGpu;

    expect(needed('{ method: published }')).not.toBe(needed('{}'));
    expect(answer(FITS, '{ method: published }').record.inputs?.['policy']).toMatchObject({
      method: 'published',
    });
  });

  it('defaultEngine is the engine where nothing names one', () => {
    const engine = (policy: string, args: string): string | null => {
      const annotations = { ...FITS.annotations, 'vramgate.io/engine-args': args };
      const object = deployment({ ...FITS, annotations, args: [] });
      const container = at(object, 'spec', 'template', 'spec', 'containers', 0);
      Object.assign(container, { name: 'serve', image: 'registry.example.com/serve:1', command: ['/serve'] });
      return handle('validate', envelope(object), facts(policy)).record.engine;
    };

    expect(engine('{ defaultEngine: sglang }', '--tp-size=4 --context-length=131072')).toBe('sglang');
    expect(engine('{ defaultEngine: vllm }', '--tensor-parallel-size=4 --max-model-len=131072')).toBe('vllm');
  });

  it('gpuTaints are tolerated beside the resource of the GPU, and no others', () => {
    const nodes: Members = JSON.parse(
      JSON.stringify(NODES)
        .replaceAll('"key":"nvidia.com/gpu"', '"key":"team"')
        .replaceAll('"present"', '"ml"'),
    );
    const { inventory } = readInventory([nodes], builtinCatalog);

    expect(patchText(INCOMPLETE, '{}', { inventory })).not.toMatch(/tolerations/);
    expect(patchText(INCOMPLETE, '{ gpuTaints: [{ key: team }] }', { inventory })).toMatch(/"key":"team"/);
  });

  it('exemptions say who may exempt', () => {
    const annotations = { ...UNDERSIZED.annotations, 'vramgate.io/exempt': 'drill of the on-call team' };
    const by = (policy: string, username: string): Members => {
      const changes = { userInfo: { username, groups: ['dev'] } };
      return glance(handle('validate', created({ ...UNDERSIZED, annotations }, changes), facts(policy)));
    };

    expect(by('{}', 'bob')).toMatchObject({ allowed: true });
    expect(by('{ exemptions: { users: [ann] } }', 'bob')).toMatchObject(DENIED);
    expect(by('{ exemptions: { users: [ann] } }', 'ann')).toMatchObject({ allowed: true });
    expect(by('{ exemptions: { groups: [dev] } }', 'bob')).toMatchObject({ allowed: true });
  });
});
