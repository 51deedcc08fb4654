import { afterEach, describe, expect, it } from 'vitest';
import { type Process, startProcess } from './process.ts';
import { bodyOf, post, until } from './serving.ts';

let process: Process | null = null;

afterEach(() => {
  process?.remove();
  process = null;
});

// A pipe holds 64 KiB, and the stream that is read here as much again.
const REVIEWS = 120;
const HELD_BYTES = 2 * 64 * 1024;

describe('a log that nobody reads', () => {
  it('holds up no answer, and loses no record once it is read again', async () => {
    const one = await startProcess('drainSeconds: 0');
    process = one;
    const { stdout } = one.child;
    stdout?.pause();
    const statuses = new Set<number>();
    for (let at = 0; at < REVIEWS; at += 1) {
      const { status } = await post(one, '/validate?timeout=5s', bodyOf('scout-fits', `u-${at}`));
      statuses.add(status);
    }

    expect([...statuses]).toEqual([200]);

    stdout?.resume();
    const records = (): readonly unknown[] =>
      one.log().flatMap((line) => (line['msg'] === 'decision' ? [line['uid']] : []));
    await until(() => (records().length === REVIEWS ? true : null), 'every record');

    expect(new Set(records()).size).toBe(REVIEWS);
    expect(JSON.stringify(one.log()).length).toBeGreaterThan(2 * HELD_BYTES);
  }, 120_000);
});
