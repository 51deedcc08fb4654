import { describe, expect, it } from 'vitest';
import { advance, begin } from '../../src/certificates/advance.ts';
import { bundleOf, certificatesIn } from '../../src/certificates/stored.ts';
import { HOST, isTrusted } from './trust.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const START = Date.UTC(2026, 0, 1);

function moment(day: number) {
  return { now: new Date(START + day * DAY_MS), hosts: [HOST], isNextTrusted: true };
}

describe('CA and leaf over four years', () => {
  it('at no time is a leaf served that old or new caBundle distrusts, by the replica that is first or the one behind', async () => {
    let stored = await begin(moment(0), []);
    const authorities = new Set([stored.authority.cert]);
    const leaves = new Set([stored.leaf.cert]);
    for (let day = 5; day < 4 * 365; day += 5) {
      const before = stored;
      stored = await advance(stored, moment(day));
      const { now } = moment(day);
      const served = [before.leaf.cert, stored.leaf.cert];
      const live = [bundleOf(before), bundleOf(stored)];

      expect(served.flatMap((leaf) => live.map((bundle) => isTrusted(leaf, bundle, now)))).toEqual([
        true,
        true,
        true,
        true,
      ]);
      expect(certificatesIn(bundleOf(stored)).length).toBeLessThanOrEqual(2);

      authorities.add(stored.authority.cert);
      leaves.add(stored.leaf.cert);
    }

    // A CA is replaced after two thirds of 365 days and a day, a leaf after two thirds of 30: counts follow, within the steps of five days.
    expect(authorities.size).toBe(1 + Math.floor((4 * 365) / 250));
    expect(leaves.size).toBeGreaterThanOrEqual(Math.floor((4 * 365) / 26));
  }, 120_000);

  it('nothing changes where nothing is due: the same value comes back', async () => {
    const stored = await begin(moment(0), []);

    expect(await advance(stored, moment(10))).toBe(stored);
  });

  it('a next CA that is not in every caBundle does not sign, however long it was announced', async () => {
    const announced = await advance(await begin(moment(0), []), moment(250));
    const later = await advance(announced, { ...moment(260), isNextTrusted: false });

    expect(announced.next).not.toBeNull();
    expect(later.authority).toEqual(announced.authority);
  });
});
