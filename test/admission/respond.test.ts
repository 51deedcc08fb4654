import { describe, expect, it } from 'vitest';
import {
  allowed,
  allowedWithPatch,
  auditAnnotationsOf,
  denied,
  verdictAnswer,
  warningLines,
  withAuditAnnotations,
  withWarnings,
} from '../../src/admission/respond.ts';
import { finding } from '../../src/findings.ts';
import {
  created,
  FITS,
  factsWith,
  handle,
  INCOMPLETE,
  MALFORMED,
  UNDERSIZED,
  UNKNOWN_MODEL,
} from './subjects.ts';

/**
 * What leaves, byte for byte, against k8s.io/api/admission/v1/types.go and what the API server does with it
 * (apiserver admissionreview.go, warning.go, attributes.go at v0.36.3; reference webhook-practice.md §1).
 */

const UID = '705ab4f5-6393-11e8-b7cc-42010a800002';

function bytes(answer: unknown): string {
  return JSON.stringify(answer);
}

describe('the answer on the wire', () => {
  it('allows with nothing but the uid', () => {
    expect(bytes(allowed(UID))).toBe(
      `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"${UID}","allowed":true}}`,
    );
  });

  // The base64 is that of coreutils for the UTF-8 of the operations.
  it('carries a patch as base64 of UTF-8, with its type', () => {
    const operations = [
      { op: 'add', path: '/metadata/annotations/vramgate.io~1applied', value: 'größer ✓' },
    ] as const;

    expect(bytes(allowedWithPatch(UID, operations))).toBe(
      `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"${UID}","allowed":true,` +
        '"patchType":"JSONPatch","patch":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL21ldGFkYXRhL2Fubm90YXRpb25zL3ZyYW1nYXRlLmlvfjFh' +
        'cHBsaWVkIiwidmFsdWUiOiJncsO2w59lciDinJMifV0="}}',
    );
  });

  it('has neither patch nor type where there is nothing to change', () => {
    expect(allowedWithPatch(UID, [])).toEqual(allowed(UID));
  });

  it.each([
    [403, 'Forbidden'],
    [422, 'BadRequest'],
  ] as const)('denies with code %s and reason %s, each finding a cause with its field', (code, reason) => {
    const findings = [
      finding(
        'does-not-fit',
        ['spec', 'containers', 0, 'resources', 'limits', 'nvidia.com/gpu'],
        'too small',
      ),
      finding('malformed-object', [], 'no object'),
    ];

    expect(bytes(denied(UID, { code, message: 'needs 2, has 1\nways out', findings }))).toBe(
      `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"${UID}","allowed":false,` +
        `"status":{"status":"Failure","message":"needs 2, has 1\\nways out","reason":"${reason}","details":{"causes":[` +
        '{"reason":"does-not-fit","message":"too small","field":"spec.containers[0].resources.limits[nvidia.com/gpu]"},' +
        `{"reason":"malformed-object","message":"no object"}]},"code":${code}}}}`,
    );
  });

  it('carries warnings beside an allowance and beside a refusal', () => {
    expect(bytes(withWarnings(allowed(UID), ['close-call: almost']))).toBe(
      `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"${UID}","allowed":true,` +
        '"warnings":["close-call: almost"]}}',
    );
    const refusal = denied(UID, { code: 403, message: 'no', findings: [] });

    expect(withWarnings(refusal, ['a']).response).toMatchObject({ allowed: false, warnings: ['a'] });
  });

  it('has no warnings member where there is nothing to say', () => {
    expect(withWarnings(allowed(UID), [])).toEqual(allowed(UID));
    expect(withWarnings(allowed(UID), [' \n '])).toEqual(allowed(UID));
  });

  it('carries audit annotations', () => {
    expect(bytes(withAuditAnnotations(allowed(UID), { decision: 'd' }))).toBe(
      `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"${UID}","allowed":true,` +
        '"auditAnnotations":{"decision":"d"}}}',
    );
  });
});

describe('a warning', () => {
  const CONTROL = /[\p{Cc}\u2028\u2029]/u;

  it.each([
    ['newlines', 'one\r\ntwo', 'one two'],
    ['a terminal sequence', 'a\u001b[31mred\u009b0m', 'a [31mred 0m'],
    ['line separators', 'a\u2028b\u2029c', 'a b c'],
    ['half a surrogate pair', 'a\ud800b', 'a\ufffdb'],
  ])('with %s is one valid line', (_what, text, want) => {
    const [line = ''] = warningLines([text]);

    expect(line).toBe(want);
    expect(line).not.toMatch(CONTROL);
    expect(line.isWellFormed()).toBe(true);
  });

  // warning.go keeps all of them whole up to 4096 runes together; beyond, each is cut at 256.
  it('is cut at 256 runes, counted as Go counts them, so that ten stay below 4096', () => {
    const [line = ''] = warningLines(['𝔊'.repeat(300)]);

    expect([...line]).toHaveLength(256);
    expect(line.endsWith('…')).toBe(true);
    expect(warningLines(['𝔊'.repeat(256)])).toEqual(['𝔊'.repeat(256)]);
  });

  it('comes once, and the tenth counts what is left out', () => {
    const many = Array.from({ length: 25 }, (_, index) => `warning ${index % 20}`);
    const lines = warningLines(many);

    expect(lines).toHaveLength(10);
    expect(lines[9]).toBe('vramgate: 11 more warnings are not shown');
    expect(warningLines(many.slice(0, 10))).toEqual(many.slice(0, 10));
  });
});

describe('a refusal of a hostile object', () => {
  it('keeps its line breaks, and no other control character', () => {
    const { response } = denied(UID, { code: 403, message: 'a\u001b[2Jb\nc\u0000\u0085d', findings: [] });

    expect(response.status?.message).toBe('a [2Jb\nc  d');
  });

  it('is bounded in message and causes', () => {
    const findings = Array.from({ length: 500 }, () =>
      finding('malformed-object', ['x'.repeat(5000)], 'y'.repeat(5000)),
    );
    const { response } = denied(UID, { code: 422, message: 'z'.repeat(100_000), findings });

    expect(response.status?.message.length).toBeLessThanOrEqual(8192);
    expect(response.status?.details.causes).toHaveLength(64);
    // 64 causes of two texts of 1024 runes, and the message.
    expect(JSON.stringify(response).length).toBeLessThan(64 * 2100 + 9000);
  });
});

describe('audit annotations', () => {
  const CASES = [FITS, INCOMPLETE, MALFORMED, UNDERSIZED, UNKNOWN_MODEL];
  // apiserver attributes.go: `<webhook name>/<key>` must be one qualified name.
  const KEY = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

  it.each(['mutate', 'validate'] as const)('of /%s have legal keys and plain values', (webhook) => {
    for (const subject of CASES) {
      const { answer } = handle(webhook, created(subject));
      const entries = Object.entries(answer.response.auditAnnotations ?? {});

      expect(entries.length).toBeGreaterThanOrEqual(3);
      for (const [key, value] of entries) {
        expect(key).toMatch(KEY);
        expect(value).toMatch(/^[\x20-\x7e]{1,1024}$/);
      }
    }
  });

  it('of /mutate do not differ when the API server calls again with the patched object', () => {
    const first = handle('mutate', created(INCOMPLETE));
    const again = handle('mutate', created(FITS));

    expect(first.answer.response.patch).toBeDefined();
    expect(again.answer.response.patch).toBeUndefined();
    expect(again.answer.response.auditAnnotations).toEqual(first.answer.response.auditAnnotations);
    expect(Object.keys(first.answer.response.auditAnnotations ?? {})).toEqual([
      'decision',
      'policy',
      'catalog',
    ]);
  });

  it('of /validate add the verdict and each code once, sorted', () => {
    const { record } = handle('validate', created(UNDERSIZED));
    const twice = { ...record, findings: [...record.findings, ...record.findings] };
    const { verdict, codes } = auditAnnotationsOf(twice);

    expect(verdict).toBe('deny');
    expect(codes?.split(',')).toEqual([...new Set(record.findings.map((one) => one.code))].sort());
    expect(codes).toContain('does-not-fit');
  });
});

describe('a verdict of the validating webhook', () => {
  it.each([
    ['enforce', false, 403],
    ['warn', true, undefined],
    ['audit', true, undefined],
  ] as const)('in mode %s: allowed %s, code %s', (mode, wantAllowed, wantCode) => {
    const { answer } = handle('validate', created(UNDERSIZED), factsWith({ mode }));

    expect(answer.response.allowed).toBe(wantAllowed);
    expect(answer.response.status?.code).toBe(wantCode);
    expect((answer.response.warnings ?? []).length > 0).toBe(mode === 'warn');
    expect(answer.response.patch).toBeUndefined();
  });

  it('puts its own warnings into lines of at most 120 characters', () => {
    const { answer } = handle('validate', created(UNKNOWN_MODEL));
    const lines = answer.response.warnings ?? [];

    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(120);
  });

  it('that denies without a status of its own is a policy refusal', () => {
    const answer = verdictAnswer(UID, {
      verdict: 'deny',
      allowed: false,
      mode: 'enforce',
      status: null,
      findings: [],
      judged: null,
      plan: null,
      edits: [],
      remedies: [],
      message: 'no',
      warnings: [],
    });

    expect(answer.response.status?.code).toBe(403);
  });
});
