import { describe, expect, it } from 'vitest';
import { waitBeforeMs, withPatience } from './with-patience.ts';

/** Work that fails so many times, in a time that only waiting moves. */
function failing(times: number) {
  const state = { tries: 0, nowMs: 0 };
  const waits: number[] = [];
  const patience = {
    patienceMs: 10_000,
    random: () => 1,
    now: () => state.nowMs,
    sleep: async (ms: number) => {
      state.nowMs += ms;
    },
    onWait: (_error: unknown, ms: number) => waits.push(ms),
  };
  const work = async (): Promise<string> => {
    state.tries += 1;
    if (state.tries <= times) throw new Error(`try ${state.tries}`);
    return 'done';
  };
  return { state, waits, patience, work };
}

describe('waiting before another try', () => {
  it('doubles to ten seconds, and takes up to half of it off by chance', () => {
    expect([1, 2, 3, 6, 7, 50, 5000].map((tries) => waitBeforeMs(tries, 1))).toEqual([250, 500, 1000, 8000, 10_000, 10_000, 10_000]);
    expect(waitBeforeMs(3, 0)).toBe(500);
  });
});

describe('patience', () => {
  it('gives the result once the work succeeds', async () => {
    const { state, waits, patience, work } = failing(3);
    expect(await withPatience(patience, () => true, work)).toBe('done');
    expect(state.tries).toBe(4);
    expect(waits).toEqual([250, 500, 1000]);
  });

  it('ends with the last error before a wait that would outlast it', async () => {
    const { state, patience, work } = failing(100);
    await expect(withPatience(patience, () => true, work)).rejects.toThrow('try 6');
    expect(state.nowMs).toBeLessThanOrEqual(10_000);
  });

  it('does not wait for what does not pass, nor where there is none', async () => {
    const lasting = failing(1);
    await expect(withPatience(lasting.patience, () => false, lasting.work)).rejects.toThrow('try 1');
    const { patience, work, state } = failing(1);
    await expect(withPatience({ ...patience, patienceMs: 0 }, () => true, work)).rejects.toThrow('try 1');
    expect(state.tries).toBe(1);
  });
});
