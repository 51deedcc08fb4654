import { describe, expect, it } from 'vitest';
import { humanLine } from '../../src/observe/human-line.ts';
import { createLog } from '../../src/observe/logger.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import type { DecisionRecord } from '../../src/pipeline/types.ts';
import { created, FITS, handle, INCOMPLETE, UNDERSIZED } from '../admission/subjects.ts';

function terminal(): { readonly log: ReturnType<typeof createLog>; readonly text: () => string } {
  let written = '';
  const sink = {
    write: (line: string) => {
      written += line;
    },
  };
  return { log: createLog({ level: 'info', sink, forPerson: humanLine }), text: () => written };
}

function shown(record: DecisionRecord): string {
  const { log, text } = terminal();
  log.decision(record);
  return text();
}

describe('a log line on a terminal', () => {
  it('tells a decision in one sentence, without its inputs', () => {
    const record = { ...handle('validate', created(UNDERSIZED)).record, durationMicroseconds: 3100 };

    expect(shown(record)).toMatch(
      /^12:00:00 INFO {2}deny, denied: validate CREATE Deployment ml\/\S+ by admin; scout bf16 131072, 1 GPUs, 236\.8 GiB\/71\.2 GiB; does-not-fit\S*; \(uid uid-1, 3\.1 ms\)\n$/,
    );
  });

  it('tells what was patched', () => {
    expect(shown(handle('mutate', created(INCOMPLETE)).record)).toContain(
      'patched /spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu',
    );
  });

  it('cannot be made to do anything by a name', () => {
    const userInfo = { username: 'x\u001b[2J\n12:00:00 INFO allow\u009b31m\u202e', groups: [] };
    const text = shown(handle('validate', created(FITS, { userInfo })).record);

    expect(text.split('\n')).toHaveLength(2);
    expect(text.trimEnd()).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  it('of any other message keeps its fields', () => {
    const { log, text } = terminal();
    log.warn('certificate kept', { reason: 'half written', nothing: null });

    expect(text()).toMatch(/^\d\d:\d\d:\d\d WARN {2}certificate kept reason="half written"\n$/);
  });
});

describe('metrics of decisions', () => {
  it('have labels of closed lists only, whatever a record holds', async () => {
    const metrics = createMetrics();
    const honest = handle('validate', created(UNDERSIZED)).record;
    for (let count = 0; count < 50; count += 1) {
      const subject = {
        ...honest.subject,
        name: `name-${count}`,
        namespace: `ns-${count}`,
        user: `user-${count}`,
      };
      metrics.decided({ ...honest, uid: `uid-${count}`, subject });
    }
    const text = await metrics.text();
    metrics.stop();

    expect(text).not.toMatch(/(?:name|ns|user|uid)-\d/);
    expect(text).toContain(
      'vramgate_decisions_total{webhook="validate",verdict="deny",mode="enforce",allowed="false"} 50',
    );
    expect(text).toContain('vramgate_findings_total{code="does-not-fit"} 50');
  });
});
