import { manualTimers } from '@carpal/testbed/kubernetes/manual-timers.ts';
import { describe, expect, it, vi } from 'vitest';
import { ApiError } from '../api/api-error.ts';
import { createWorkQueue } from './work-queue.ts';
import { runWorkers } from './workers.ts';

function world(work: (key: string) => Promise<number | undefined>, concurrency = 2) {
  const timers = manualTimers();
  const queue = createWorkQueue({ timers });
  const stop = new AbortController();
  const failed: string[] = [];
  const onError = (key: string): void => void failed.push(key);
  const ended = runWorkers({ queue, concurrency, work, signal: stop.signal, onError });
  return { timers, queue, stop, failed, ended };
}

describe('workers', () => {
  it('process as many keys concurrently as there are workers, and no more', async () => {
    let now = 0;
    let most = 0;
    const gates: (() => void)[] = [];
    const work = async (): Promise<undefined> => {
      now += 1;
      most = Math.max(most, now);
      await new Promise<void>((resolve) => gates.push(resolve));
      now -= 1;
    };
    const { queue, stop, ended } = world(work, 3);
    for (let i = 0; i < 10; i++) queue.add(`key-${i}`);
    for (let i = 0; i < 10; i++) {
      await vi.waitFor(() => expect(gates.length).toBeGreaterThan(0), { interval: 1 });
      gates.shift()?.();
    }
    stop.abort();
    await ended;
    expect(most).toBe(3);
  });

  it('process a key again after the delay that its work returned', async () => {
    let times = 0;
    const { timers, queue, stop, ended } = world(async () => {
      times += 1;
      return times === 1 ? 60_000 : undefined;
    });
    queue.add('a');
    await vi.waitFor(() => expect(queue.sizes()).toMatchObject({ later: 1, resting: 1, working: 0 }), { interval: 1 });
    timers.advance(59_999);
    expect(times).toBe(1);
    timers.advance(1);
    await vi.waitFor(() => expect(queue.sizes().resting).toBe(1), { interval: 1 });
    expect(times).toBe(2);
    timers.advance(500);
    expect(queue.sizes().known).toBe(0);
    stop.abort();
    await ended;
  });

  it('keep half a second between two runs of one key, whatever happens to it meanwhile', async () => {
    const times: number[] = [];
    const { timers, queue, stop, ended } = world(async () => {
      times.push(timers.now());
      return undefined;
    });
    for (let i = 0; i < 40; i++) {
      queue.add('a');
      await new Promise(setImmediate);
      timers.advance(50);
    }
    expect(times).toEqual([0, 500, 1000, 1500]);
    stop.abort();
    await ended;
  });

  it('continue after work that failed, and retry it no earlier than the server asked', async () => {
    const refusal = new ApiError(429, 'TooManyRequests', 'later', { retryAfterMs: 4000 });
    let times = 0;
    const { timers, queue, stop, failed, ended } = world(async (key) => {
      if (key === 'good') return undefined;
      times += 1;
      throw refusal;
    });
    queue.add('bad');
    queue.add('good');
    await vi.waitFor(() => expect(queue.sizes()).toMatchObject({ working: 0, resting: 2 }), { interval: 1 });
    timers.advance(3999);
    expect([times, failed]).toEqual([1, ['bad']]);
    timers.advance(1);
    await vi.waitFor(() => expect(times).toBe(2), { interval: 1 });
    stop.abort();
    await ended;
  });

  it('finish what they have begun before they end', async () => {
    let finish = (): void => {};
    const { queue, stop, ended } = world(async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return undefined;
    });
    queue.add('a');
    await vi.waitFor(() => expect(queue.sizes().working).toBe(1), { interval: 1 });
    let over = false;
    void ended.then(() => {
      over = true;
    });
    stop.abort();
    await new Promise(setImmediate);
    expect(over).toBe(false);
    finish();
    await ended;
  });
});
