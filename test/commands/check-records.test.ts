import { readdirSync } from 'node:fs';
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

async function checked(object: unknown): Promise<string> {
  const { io, text } = memoryIo({ stdin: async () => JSON.stringify(object) });
  await runCheck(['-f', '-', '--records', '--inventory', INVENTORY], io);
  return decided(at(JSON.parse(text())));
}

function reviewed(object: unknown): string {
  const { record } = handle('mutate', envelope(object), FACTS);
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
