import { describe, expect, it } from 'vitest';
import { retryDelayMs, withRetries } from './retry.ts';

/** Work that fails `times` times, with a clock that only `sleep` advances. */
function failing(times: number) {
  const state = { tries: 0, nowMs: 0 };
  const waits: number[] = [];
  const options = {
    retryForMs: 10_000,
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
  return { state, waits, options, work };
}

describe('retryDelayMs', () => {
  it('doubles up to ten seconds, and half of the delay is jitter', () => {
    expect([1, 2, 3, 6, 7, 50, 5000].map((tries) => retryDelayMs(tries, 1))).toEqual([250, 500, 1000, 8000, 10_000, 10_000, 10_000]);
    expect(retryDelayMs(3, 0)).toBe(500);
  });
});

describe('withRetries', () => {
  it('returns the result once the work succeeds', async () => {
    const { state, waits, options, work } = failing(3);
    expect(await withRetries(options, () => true, work)).toBe('done');
    expect(state.tries).toBe(4);
    expect(waits).toEqual([250, 500, 1000]);
  });

  it('throws the last error if the next delay would exceed the time limit', async () => {
    const { state, options, work } = failing(100);
    await expect(withRetries(options, () => true, work)).rejects.toThrow('try 6');
    expect(state.nowMs).toBeLessThanOrEqual(10_000);
  });

  it('does not retry a permanent error, or any error without a time limit', async () => {
    const lasting = failing(1);
    await expect(withRetries(lasting.options, () => false, lasting.work)).rejects.toThrow('try 1');
    const { options, work, state } = failing(1);
    await expect(withRetries({ ...options, retryForMs: 0 }, () => true, work)).rejects.toThrow('try 1');
    expect(state.tries).toBe(1);
  });
});
