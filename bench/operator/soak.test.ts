import { describe, expect, it } from 'vitest';
import { soak } from './soak.ts';

describe('a short soak', () => {
  it('does not lose, duplicate or block an experiment, and leaves no objects behind', async () => {
    const { wrong, measures } = await soak({ seed: 1, forMs: 20_000, active: 8, everyMs: 1000 });
    expect(wrong).toEqual([]);
    expect(measures.find(({ what }) => what === 'experiments')?.value).toBeGreaterThanOrEqual(8);
  }, 300_000);
});
