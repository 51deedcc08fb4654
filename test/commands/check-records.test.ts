import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCheck } from '../../src/commands/check.ts';
import { loadFacts } from '../../src/commands/facts.ts';
import {
  at,
  deployment,
  envelope,
  FITS,
  handle,
  INCOMPLETE,
  MALFORMED,
  type Members,
  recorded,
  UNDERSIZED,
  UNKNOWN_MODEL,
} from '../admission/subjects.ts';
import { gpuPod } from '../inventory/gpu-pods.ts';
import { memoryIo } from './memory-io.ts';

const INVENTORY = new URL('../demo/inventory.yaml', import.meta.url).pathname;
const FACTS = await loadFacts(null, INVENTORY);

/**
 * A record without what only a request has: who asked, when, by which webhook, the id that is made of it, and what that
 * webhook answered (`/mutate` allows always).
 */
function decided(record: Members): string {
  const { decision, uid, time, webhook, durationMicroseconds, allowed, ...rest } = record;
  const { user, ...subject } = at(rest, 'subject');
  return JSON.stringify({ ...rest, subject });
}

async function checked(object: unknown, inventory = INVENTORY): Promise<string> {
  const { io, text } = memoryIo({ stdin: async () => JSON.stringify(object) });
  await runCheck(['-f', '-', '--records', '--inventory', inventory], io);
  return decided(at(JSON.parse(text())));
}

function reviewed(object: unknown, facts = FACTS): string {
  const { record } = handle('mutate', envelope(object), facts);
  return decided(at(JSON.parse(JSON.stringify(record))));
}

describe('the record of vramgate check', () => {
  it.each([
    ['what fits', FITS],
    ['what is incomplete', INCOMPLETE],
    ['what is undersized', UNDERSIZED],
    ['what is malformed', MALFORMED],
    ['an unknown model', UNKNOWN_MODEL],
  ])('of %s is the record of the webhook, byte for byte', async (_what, subject) => {
    const object = deployment(subject);

    expect(await checked(object)).toBe(reviewed(object));
  });

  it('tells what is free as the webhook does, of an inventory with pods', async () => {
    const pods = ['h100-a', 'h100-b'].map((node, at) =>
      gpuPod({ name: node, node, limits: { 'nvidia.com/gpu': String(5 + at) } }),
    );
    const folder = mkdtempSync(join(tmpdir(), 'vramgate-records-'));
    const file = join(folder, 'nodes.yaml');
    writeFileSync(
      file,
      `${readFileSync(INVENTORY, 'utf8')}\n---\n${JSON.stringify({ kind: 'PodList', items: pods })}`,
    );
    try {
      const facts = await loadFacts(null, file);
      for (const subject of [FITS, INCOMPLETE]) {
        const record = await checked(deployment(subject), file);

        expect(record).toBe(reviewed(deployment(subject), facts));
        expect(record.includes('no-free-gpus')).toBe(subject === FITS);
        expect(JSON.parse(record).free[0]).toMatchObject({ nodes: 2, most: 3 });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const created = readdirSync(new URL('../fixtures/admission-reviews/', import.meta.url)).filter((name) =>
    /\.user\.create\.(?:deployment|job|cronjob|statefulset|pod)\.json$/.test(name),
  );

  it.each(created)('of the object of %s is the record of the webhook, byte for byte', async (file) => {
    const request = at(recorded(file), 'request');
    const object = at(request, 'object');
    const { kind, resource, name, namespace } = request;
    const body = envelope(object, { kind, resource, name, namespace });
    const { record } = handle('mutate', body, FACTS);

    expect(await checked(object)).toBe(decided(at(JSON.parse(JSON.stringify(record)))));
  });
});
