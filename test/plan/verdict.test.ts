import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../src/config/policy.ts';
import { FINDINGS, type FindingCode, finding } from '../../src/findings.ts';
import { readAnnotations } from '../../src/intent/annotations.ts';
import { readExemption } from '../../src/pipeline/exemption.ts';
import type { Requester } from '../../src/pipeline/types.ts';
import { warningTexts } from '../../src/plan/message.ts';
import type { Mode, Policy } from '../../src/plan/types.ts';
import { effectiveMode, ruleOn } from '../../src/plan/verdict.ts';

/** Contract §5: the table of outcomes, by finding, mode and policy. */

const DEFAULT = defaultPolicy();
const MISFIT = finding('does-not-fit', ['spec'], 'too small');
const MALFORMED = finding('malformed-annotation', ['metadata'], 'banana');

function policy(more: Partial<Policy>): Policy {
  return { ...DEFAULT, ...more };
}

describe('the mode in force', () => {
  it.each<readonly [Mode, Mode | null, Mode | null, Mode]>([
    ['enforce', null, null, 'enforce'],
    ['enforce', null, 'audit', 'audit'],
    ['audit', null, 'enforce', 'enforce'],
    ['enforce', 'warn', 'audit', 'warn'],
    ['enforce', 'warn', 'enforce', 'enforce'],
    ['enforce', 'enforce', 'warn', 'enforce'],
    // The global mode is the operator's own word: only a namespace is held to the minimum.
    ['warn', 'enforce', null, 'warn'],
  ])('of %s, with at least %s and a namespace that says %s, is %s', (mode, minimumMode, own, want) => {
    expect(effectiveMode(policy({ mode, minimumMode }), own)).toBe(want);
  });
});

describe('a finding', () => {
  it.each<readonly [FindingCode, Partial<Policy>, boolean, boolean]>([
    ['does-not-fit', {}, true, false],
    ['malformed-annotation', {}, true, false],
    ['unknown-model', {}, false, true],
    ['unknown-model', { unknown: 'deny' }, true, false],
    ['unknown-model', { unknown: 'allow' }, false, false],
    ['no-node-fits', {}, false, true],
    ['no-node-fits', { capacity: 'deny' }, false, true],
    ['no-node-fits', { capacity: 'deny', inventory: 'complete' }, true, false],
    ['no-node-fits', { capacity: 'ignore' }, false, false],
    ['surge-deadlock', { capacity: 'deny', inventory: 'complete' }, true, false],
    ['unannotated', { unannotated: 'warn' }, false, true],
    ['unannotated', { unannotated: 'ignore' }, false, false],
    ['flag-missing', {}, true, false],
    ['flag-missing', { missingFlag: 'warn' }, false, true],
    ['spills-to-cpu', {}, false, true],
    ['unreleased-model', {}, false, true],
    ['value-set', {}, false, false],
  ])('%s under %j: denied %s, told %s', (code, more, isDenied, isTold) => {
    const ruling = ruleOn([finding(code, [], 'x')], policy(more), null);

    expect(ruling.isDenied).toBe(isDenied);
    expect(ruling.warning.length > 0).toBe(isTold);
  });

  it.each<readonly [Mode, boolean, number]>([
    ['enforce', true, 0],
    ['warn', false, 1],
    ['audit', false, 0],
  ])('that refuses is, in mode %s, denied %s with %i warnings', (mode, isDenied, warnings) => {
    const ruling = ruleOn([MISFIT], policy({ mode }), null);

    expect(ruling.isRefused).toBe(true);
    expect(ruling.isDenied).toBe(isDenied);
    expect(ruling.warning).toHaveLength(warnings);
  });

  it('may have a mode of its own', () => {
    const codeModes = new Map<FindingCode, Mode>([['does-not-fit', 'warn']]);

    expect(ruleOn([MISFIT], policy({ codeModes }), null)).toMatchObject({ isDenied: false, isRefused: true });
    expect(ruleOn([MISFIT, MALFORMED], policy({ codeModes }), null)).toMatchObject({
      isDenied: true,
      status: 422,
    });
  });

  it.each([
    [[MALFORMED], 422],
    [[MISFIT], 403],
    [[MALFORMED, MISFIT], 403],
    [[], null],
  ])('gives the status of what it is about: case %#', (findings, status) => {
    expect(ruleOn(findings, DEFAULT, null).status).toBe(status);
  });

  it('of no kind is lost: every code refuses, warns or informs', () => {
    for (const code of Object.keys(FINDINGS) as readonly FindingCode[]) {
      const { isRefused, warning } = ruleOn([finding(code, [], 'x')], policy({ unannotated: 'warn' }), null);
      expect(isRefused || warning.length === 1 || FINDINGS[code].kind === 'info', code).toBe(true);
    }
  });
});

describe('warnings', () => {
  // API server: more than 4,096 runes together are cut, one with a control character is dropped (webhook-practice.md §1).
  it('are one line each, without control characters, of at most 120 characters', () => {
    const long = finding('close-call', [], `a\nb\u0007c\u2028${'word '.repeat(100)}`);
    const emoji = finding('close-call', [], '\u{1F600}'.repeat(200));
    const texts = warningTexts([...Array.from({ length: 19 }, () => long), emoji]);

    expect(texts).toHaveLength(20);
    for (const text of texts) {
      expect(text.length).toBeLessThanOrEqual(120);
      expect(text.isWellFormed()).toBe(true);
      expect(text).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    }
  });
});

describe('an exemption', () => {
  const RIGHTS = policy({ exemptions: { users: ['admin'], groups: ['sre'], namespaces: ['lab'] } });
  const EVE: Requester = { username: 'eve', groups: ['dev'] };

  function exempt(
    reason: string,
    user: Requester | null = null,
    before: string | null = null,
    rights: Policy = DEFAULT,
    namespace = 'ml',
  ): boolean {
    const read = (text: string): ReturnType<typeof readAnnotations> =>
      readAnnotations([
        { entries: new Map([['vramgate.io/exempt', text]]), path: ['metadata', 'annotations'] },
      ]);
    return readExemption(read(reason), before === null ? null : read(before), rights, { user, namespace })
      .isExempt;
  }

  it.each([
    ['load test until Friday', true],
    ['ten chars!', true],
    ['nine char', false],
    ['true', false],
    ['', false],
    ['          ', false],
    [' true      ', false],
  ])('with the reason %j counts: %s', (reason, want) => {
    expect(exempt(reason)).toBe(want);
  });

  const REASON = 'load test until Friday';

  it.each<readonly [string, Requester, string, boolean]>([
    ['nobody in particular', EVE, 'ml', false],
    ['a user', { username: 'admin', groups: [] }, 'ml', true],
    ['a group', { username: 'x', groups: ['dev', 'sre'] }, 'ml', true],
    ['a namespace', EVE, 'lab', true],
  ])('by rights of %s counts', (_who, user, namespace, want) => {
    expect(exempt(REASON, user, null, RIGHTS, namespace)).toBe(want);
  });

  it('that stands already needs no rights of who changes something else', () => {
    expect(exempt(REASON, EVE, REASON, RIGHTS)).toBe(true);
    expect(exempt(`${REASON}, again`, EVE, REASON, RIGHTS)).toBe(false);
  });
});
