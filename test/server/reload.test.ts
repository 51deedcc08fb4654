import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { reviewOf } from '../demo/reviews.ts';
import {
  bodyOf,
  callWithoutPause,
  caseOf,
  configText,
  post,
  type Serving,
  startServing,
  until,
} from './serving.ts';

const INVENTORY = new URL('../demo/inventory.yaml', import.meta.url).pathname;
const APPLIED = 'vramgate_refreshes_total{subject="config",result="applied"}';
const KEPT = 'vramgate_refreshes_total{subject="config",result="kept"}';
const IS_GOOD = 'vramgate_last_refresh_successful{subject="config"}';

let serving: Serving | null = null;
const folders: string[] = [];

async function start(...wanted: Parameters<typeof startServing>): Promise<Serving> {
  serving = await startServing(...wanted);
  return serving;
}

afterEach(async () => {
  await serving?.stop();
  serving = null;
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function writeConfig({ folder }: Serving, config: string): void {
  const temporary = join(folder, 'config.new');
  writeFileSync(temporary, configText({ config }));
  renameSync(temporary, join(folder, 'config.yaml'));
}

async function isAllowed(target: Serving): Promise<boolean> {
  const reply = await post(target, '/validate', bodyOf('scout-refused'));
  return JSON.parse(reply.text).response.allowed;
}

function untilSample(target: Serving, name: string, want: number): Promise<number> {
  const is = async (): Promise<number | null> => ((await target.sample(name)) === want ? want : null);
  return until(is, `${name} to be ${want}`);
}

function hashes(target: Serving): readonly unknown[] {
  const decisions = target.log().filter((line) => line['msg'] === 'decision');
  return [...new Set(decisions.map((line) => line['policyHash']))];
}

describe('a changed configuration file', () => {
  it('counts from the next review on, and every record names the hash of the policy it was judged by', async () => {
    const target = await start({ flags: ['--inventory', INVENTORY] });

    expect(await isAllowed(target)).toBe(false);

    writeConfig(target, 'policy: { mode: audit }');
    await untilSample(target, APPLIED, 1);

    expect(await isAllowed(target)).toBe(true);
    await until(() => (hashes(target).length === 2 ? true : null), 'both records');
    const hash = hashes(target)[1];
    const catalog = target.log().find((line) => line['msg'] === 'serving')?.['catalogVersion'];

    expect(await target.sample(`vramgate_config_info{policy="${hash}",catalog="${catalog}"}`)).toBe(1);
  });

  it('that is bad keeps the old one, says why in the log, and the next good one counts', async () => {
    const target = await start({ config: 'policy: { mode: audit }', flags: ['--inventory', INVENTORY] });
    writeConfig(target, 'policy: { mode: strict }');
    await untilSample(target, KEPT, 1);

    expect(await isAllowed(target)).toBe(true);
    expect(await target.sample(IS_GOOD)).toBe(0);
    expect(target.log().find((line) => line['level'] === 'error')).toMatchObject({
      msg: 'the last good one is kept',
      subject: 'config',
      problem: expect.stringContaining('config.yaml: policy.mode: '),
    });

    writeConfig(target, 'policy: { mode: enforce }');
    await untilSample(target, IS_GOOD, 1);

    expect(await isAllowed(target)).toBe(false);
  });

  it('that went away keeps the old one', async () => {
    const target = await start({ config: 'policy: { mode: audit }' });
    rmSync(join(target.folder, 'config.yaml'));
    await untilSample(target, KEPT, 1);

    expect(await isAllowed(target)).toBe(true);

    writeConfig(target, 'policy: { mode: audit }');
    await untilSample(target, IS_GOOD, 1);
  });

  it('with a row for the catalog changes the catalog version of the records', async () => {
    const target = await start({ flags: ['--inventory', INVENTORY] });
    const source = 'source: { url: https://wiki.example.com/m, date: 2026-08-01 }';
    writeConfig(target, `catalog: { models: [{ id: acme, base: scout, ${source} }] }`);
    await untilSample(target, APPLIED, 1);
    await post(target, '/validate', bodyOf('scout-fits', 'u-catalog'));
    const started = target.log().find((line) => line['msg'] === 'serving');
    const record = await until(
      () => target.log().find((line) => line['uid'] === 'u-catalog') ?? null,
      'the record',
    );

    expect(record['catalogVersion']).not.toBe(started?.['catalogVersion']);
    expect(record['verdict']).toBe('allow');
  });

  it('names in the log what waits for the next start', async () => {
    const target = await start();
    writeFileSync(join(target.folder, 'config.yaml'), configText({ server: 'maxConnections: 7' }));
    await until(
      () => target.log().find((line) => line['msg'] === 'server settings change at the next start') ?? null,
      'the warning',
    );

    expect(await target.sample(APPLIED)).toBe(1);
  });

  it('sets the log level; decisions are written at every level', async () => {
    const target = await start();
    writeConfig(target, 'logLevel: error');
    await untilSample(target, APPLIED, 1);
    const messages = (): readonly unknown[] => target.log().map((line) => line['msg']);

    await post(target, '/validate', '{}');
    await post(target, '/validate', bodyOf('scout-fits', 'u-level'));
    await until(() => (messages().includes('decision') ? true : null), 'the record');

    expect(messages()).not.toContain('request without verdict');
    expect(messages()).not.toContain('a new one is in use');
  });

  it('in a ConfigMap volume is read when the kubelet swaps its link', async () => {
    const volume = mkdtempSync(join(tmpdir(), 'vramgate-volume-'));
    folders.push(volume);
    // What pkg/volume/util/atomic_writer.go of Kubernetes makes: file -> ..data/file, ..data -> a folder with a time.
    function project(name: string, config: string): void {
      mkdirSync(join(volume, name));
      writeFileSync(join(volume, name, 'config.yaml'), configText({ config }));
      symlinkSync(name, join(volume, '..data_tmp'));
      renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
    }
    project('..2026_01', '');
    symlinkSync(join('..data', 'config.yaml'), join(volume, 'config.yaml'));
    const target = await start({
      flags: ['--inventory', INVENTORY, '--config', join(volume, 'config.yaml')],
    });

    expect(await isAllowed(target)).toBe(false);

    project('..2026_02', 'policy: { mode: audit }');
    await untilSample(target, APPLIED, 1);

    expect(await isAllowed(target)).toBe(true);
  });
});

describe('a changed inventory file', () => {
  it('counts from the next review on; a bad one keeps the old', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vramgate-inventory-'));
    folders.push(folder);
    const file = join(folder, 'shapes.yaml');
    writeFileSync(file, 'shapes: [{ product: NVIDIA-L4, gpus: 8 }]\n');
    const target = await start({ flags: ['--inventory', file] });

    expect(await target.sample('vramgate_inventory_classes')).toBe(1);

    writeFileSync(file, 'shapes: [{ product: NVIDIA-L4, gpus: 8 }, { product: NVIDIA-L40S, gpus: 8 }]\n');
    await untilSample(target, 'vramgate_inventory_classes', 2);

    writeFileSync(file, 'shapes: [{ product: NVIDIA-NOTHING, gpus: 8 }]\n');
    await untilSample(target, 'vramgate_last_refresh_successful{subject="inventory"}', 0);

    expect(await target.sample('vramgate_inventory_classes')).toBe(2);
    expect(await target.sample('vramgate_inventory_age_seconds')).toBeGreaterThan(0);
  });
});

describe('a swap of the configuration under load', () => {
  it('fails no call, and every answer is whole: by the one policy or by the other', async () => {
    const target = await start();
    // Without an annotation it is silently allowed, or with exactly this warning.
    const body = JSON.stringify(reviewOf({ ...caseOf('scout-fits'), annotations: {} }, 'u-1'));
    const seen = new Set<boolean>();
    const load = callWithoutPause(target, body, (text) => {
      const { allowed, warnings = [] } = JSON.parse(text).response;
      seen.add(warnings.length === 1);
      return allowed && (warnings.length === 0 || /^unannotated: /.test(warnings[0]));
    });
    for (let round = 1; round <= 4; round += 1) {
      writeConfig(target, `policy: { unannotated: ${round % 2 === 1 ? 'warn' : 'ignore'} }`);
      await untilSample(target, APPLIED, round);
      const before = load.answered();
      await until(() => (load.answered() > before + 6 ? true : null), 'more answers');
    }
    const { outcomes, wrong } = await load.end();

    expect([...outcomes.keys()]).toEqual(['200']);
    expect(wrong).toEqual([]);
    expect(seen.size).toBe(2);
  }, 120_000);
});
