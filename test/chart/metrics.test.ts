import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/observe/metrics.ts';

const FILES = new URL('../../charts/vramgate/files/', import.meta.url);
/** What a histogram adds to its name. */
const SUFFIXES = /_(?:bucket|sum|count)$/;

let known: readonly string[] = [];

beforeAll(async () => {
  const metrics = createMetrics();
  metrics.inventoryIs(() => ({ classes: 0, nodes: 0, asOf: null }));
  const text = await metrics.text();
  metrics.stop();
  known = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name).sort();
});

function namedIn(file: string): readonly string[] {
  const named = readFileSync(new URL(file, FILES), 'utf8').matchAll(/\bvramgate_[a-z_]+/g);
  return [...new Set([...named].map(([name]) => name.replace(SUFFIXES, '')))];
}

describe.each(['alerts.yaml', 'dashboard.json'])('%s', (file) => {
  it('names only metrics that the process has', () => {
    const used = namedIn(file);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });
});

it('no metric is without an alert or a panel', () => {
  expect([...new Set([...namedIn('alerts.yaml'), ...namedIn('dashboard.json')])].sort()).toEqual(known);
});
