import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { objectsOf, render } from './render.ts';

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vramgate-alerts-'));
  const rendering = render(inject('helm4'), { prometheusRule: { enabled: true } });
  const rule = objectsOf(rendering).find(({ kind }) => kind === 'PrometheusRule');
  writeFileSync(join(folder, 'rules.yaml'), JSON.stringify(rule?.['spec']));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Series {
  readonly series: string;
  /** One value a minute, in promtool's notation. */
  readonly values: string;
}

/** The alerts that fire after an hour of `series`. */
function test(
  series: readonly Series[],
  alert: string,
  fires: number,
): { readonly status: number | null; readonly out: string } {
  const file = join(folder, `${alert}-${fires}.yaml`);
  const exp_alerts = Array.from({ length: fires }, () => ({}));
  const tests = [
    {
      interval: '1m',
      input_series: series,
      promql_expr_test: [
        {
          expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
          eval_time: '1h',
          exp_samples: [{ labels: '{}', value: exp_alerts.length }],
        },
      ],
    },
  ];
  writeFileSync(file, JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests }));
  const { status, stdout, stderr } = spawnSync(inject('promtool'), ['test', 'rules', file], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, out: stdout + stderr };
}

const UP: Series = { series: 'up{job="vramgate",pod="a"}', values: '1x70' };
const OPEN = 'apiserver_admission_webhook_fail_open_count{name="validate.vramgate.io",type="validating"}';
const ERRORS = 'vramgate_errors_total{job="vramgate",pod="a",class="internal"}';

it('promtool accepts the rules', () => {
  const { status, stdout, stderr } = spawnSync(
    inject('promtool'),
    ['check', 'rules', join(folder, 'rules.yaml')],
    { encoding: 'utf8' },
  );
  expect([status, stdout + stderr]).toEqual([0, expect.stringMatching(/SUCCESS: \d+ rules found/)]);
});

describe('alerts', () => {
  it.each<[string, string, readonly Series[], number]>([
    [
      'an object got in without review, the first one of its series too',
      'VramgateFailedOpen',
      [UP, { series: OPEN, values: '_x54 1x15' }],
      1,
    ],
    ['it happens again', 'VramgateFailedOpen', [UP, { series: OPEN, values: '3x54 4x15' }], 1],
    ['it was long ago', 'VramgateFailedOpen', [UP, { series: OPEN, values: '3x70' }], 0],
    ['a fault of ours', 'VramgateErrors', [UP, { series: ERRORS, values: '0x54 2x15' }], 1],
    ['no fault of ours', 'VramgateErrors', [UP, { series: ERRORS, values: '2x70' }], 0],
    ['no replica is up', 'VramgateDown', [{ ...UP, values: '0x70' }], 1],
    ['nothing is known of any replica', 'VramgateDown', [], 1],
    [
      'one replica of two is up',
      'VramgateDown',
      [UP, { series: 'up{job="vramgate",pod="b"}', values: '0x70' }],
      0,
    ],
    [
      'the certificate ends in a day',
      'VramgateCertificateExpires',
      [
        UP,
        {
          series: 'vramgate_certificate_expiry_timestamp_seconds{job="vramgate",pod="a"}',
          values: '90000x70',
        },
      ],
      1,
    ],
    [
      'the certificate ends in a month',
      'VramgateCertificateExpires',
      [
        UP,
        {
          series: 'vramgate_certificate_expiry_timestamp_seconds{job="vramgate",pod="a"}',
          values: '2600000x70',
        },
      ],
      0,
    ],
    [
      'two replicas with two policies',
      'VramgateConfigsDiffer',
      [
        UP,
        { series: 'vramgate_config_info{job="vramgate",pod="a",policy="1",catalog="1"}', values: '1x70' },
        { series: 'vramgate_config_info{job="vramgate",pod="b",policy="2",catalog="1"}', values: '1x70' },
      ],
      1,
    ],
    [
      'a bad configuration is ignored',
      'VramgateRefreshFailed',
      [
        UP,
        {
          series: 'vramgate_last_refresh_successful{job="vramgate",pod="a",subject="config"}',
          values: '0x70',
        },
      ],
      1,
    ],
    [
      'the inventory is an hour old',
      'VramgateInventoryStale',
      [UP, { series: 'vramgate_inventory_age_seconds{job="vramgate",pod="a"}', values: '3600x70' }],
      1,
    ],
  ])('where %s', (_, alert, series, fires) => {
    const { status, out } = test(series, alert, fires);
    expect([status, out]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});
