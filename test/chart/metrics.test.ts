import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/observe/metrics.ts';

const FILES = new URL('../../charts/vramgate/files/', import.meta.url);
/** What a histogram adds to its name. */
const SUFFIXES = /_(?:bucket|sum|count)$/;

describe.each(['alerts.yaml', 'dashboard.json'])('%s', (file) => {
  it('names only metrics that the process has', async () => {
    const metrics = createMetrics();
    metrics.inventoryIs(() => ({ classes: 0, nodes: 0, asOf: null }));
    const text = await metrics.text();
    metrics.stop();
    const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const named = readFileSync(new URL(file, FILES), 'utf8').matchAll(/\bvramgate_[a-z_]+/g);
    const used = new Set([...named].map(([name]) => name.replace(SUFFIXES, '')));
    expect(used.size).toBeGreaterThan(0);
    expect([...used].filter((name) => !known.has(name))).toEqual([]);
  });
});
