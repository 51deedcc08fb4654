import { describe, expect, it } from 'vitest';
import { countParameters } from '../../src/sizing/parameters.ts';
import { MAVERICK, SCOUT } from './samples.ts';

describe('countParameters, against llama4-memory.md §1 "Exact parameter counts"', () => {
  it('counts Scout component by component', () => {
    expect(countParameters(SCOUT)).toEqual({
      tokenEmbedding: 1_034_485_760,
      lmHead: 1_034_485_760,
      attention: 3_019_898_880,
      router: 3_932_160,
      routedExperts: 96_636_764_160,
      sharedExperts: 6_039_797_760,
      denseFfn: 0,
      norms: 496_640,
      visionTower: 811_115_008,
      visionAdapter: 39_845_888,
      projector: 20_971_520,
      total: 108_641_793_536,
    });
  });

  it('counts Maverick component by component', () => {
    expect(countParameters(MAVERICK)).toEqual({
      tokenEmbedding: 1_034_485_760,
      lmHead: 1_034_485_760,
      attention: 3_019_898_880,
      router: 15_728_640,
      routedExperts: 386_547_056_640,
      sharedExperts: 3_019_898_880,
      denseFfn: 6_039_797_760,
      norms: 496_640,
      visionTower: 811_115_008,
      visionAdapter: 39_845_888,
      projector: 20_971_520,
      total: 401_583_781_376,
    });
  });

  it('counts no vision where a checkpoint has none, and one embedding where both are tied', () => {
    const counts = countParameters({ ...SCOUT, vision: null, tiedEmbeddings: true });

    expect(counts.total).toBe(107_769_861_120 - 1_034_485_760);
    expect(counts.visionTower + counts.visionAdapter + counts.projector + counts.lmHead).toBe(0);
  });
});
