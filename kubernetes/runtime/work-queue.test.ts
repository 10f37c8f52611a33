import { manualTimers } from '@carpal/testbed/kubernetes/manual-timers.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from './timers.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

const NEVER = new AbortController().signal;
const LIMITS = { baseMs: 5, longestMs: 1000 };
const NOTHING = { ready: 0, later: 0, working: 0, resting: 0, failing: 0, known: 0 };

/** The key that is handed out without any further event; undefined if there is none. */
async function taken(queue: WorkQueue): Promise<string | undefined> {
  const gaveUp = new AbortController();
  const key = queue.take(gaveUp.signal);
  gaveUp.abort();
  return key;
}

describe('a work queue', () => {
  it('hands out keys in the order in which they became due, each once', async () => {
    const queue = createWorkQueue({ timers: manualTimers() });
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(queue.size).toBe(3);
    expect([await taken(queue), await taken(queue), await taken(queue), await taken(queue)]).toEqual(['a', 'b', 'c', undefined]);
  });

  it('hands out a key again that became due while a worker had it', async () => {
    const queue = createWorkQueue({ timers: manualTimers() });
    queue.add('a');
    await taken(queue);
    queue.add('a');
    queue.add('a');
    expect(await taken(queue)).toBeUndefined();
    queue.done('a');
    expect(await taken(queue)).toBe('a');
    queue.done('a');
    expect(queue.sizes()).toEqual(NOTHING);
  });

  it('uses the earliest due time of a key, whatever the order of the calls', async () => {
    const timers = manualTimers();
    const queue = createWorkQueue({ timers });
    queue.addAfter('a', 1000);
    queue.addAfter('a', 10);
    queue.addAfter('a', 500);
    timers.advance(9);
    expect(await taken(queue)).toBeUndefined();
    timers.advance(1);
    expect(await taken(queue)).toBe('a');
    queue.done('a');
    expect(timers.pending).toBe(0);
  });

  it('doubles the wait of a key with each failure in a row, up to the limit', async () => {
    const timers = manualTimers();
    const queue = createWorkQueue({ ...LIMITS, timers });
    const waits: number[] = [];
    queue.add('a');
    for (let i = 0; i < 10; i++) {
      await taken(queue);
      queue.retry('a');
      queue.done('a');
      waits.push(timers.runNext());
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    await taken(queue);
    queue.succeeded('a');
    queue.retry('a');
    queue.done('a');
    expect(timers.runNext()).toBe(5);
  });

  it('does not retry before the time that the server asked for', async () => {
    const timers = manualTimers();
    const queue = createWorkQueue({ timers });
    queue.add('a');
    await taken(queue);
    queue.retry('a', 7000);
    queue.done('a');
    expect(timers.runNext()).toBe(7000);
  });

  it('lets a key rest after it is done, and combines the changes of that time', async () => {
    const timers = manualTimers();
    const queue = createWorkQueue({ timers });
    queue.add('a');
    await taken(queue);
    queue.done('a', 500);
    queue.add('a');
    queue.add('a');
    timers.advance(499);
    expect(await taken(queue)).toBeUndefined();
    timers.advance(1);
    expect(await taken(queue)).toBe('a');
    queue.done('a', 500);
    expect(queue.sizes()).toMatchObject({ resting: 1, known: 1 });
    timers.advance(500);
    expect(queue.sizes()).toEqual(NOTHING);
  });

  it('holds a key that is due in 14 days, and one that failed a thousand times', async () => {
    const timers = manualTimers();
    const queue = createWorkQueue({ timers });
    queue.addAfter('old', 14 * 86_400_000);
    for (let i = 0; i < 1100; i++) queue.retry('sick');
    expect(timers.runNext()).toBeLessThanOrEqual(300_000);
    timers.advance(14 * 86_400_000);
    expect([await taken(queue), await taken(queue)]).toEqual(['sick', 'old']);
  });

  it('hands out no more keys while it drains, and waits for those that workers have', async () => {
    const timers = manualTimers();
    const queue = createWorkQueue({ timers });
    for (const key of ['a', 'b']) queue.add(key);
    queue.addAfter('c', 5);
    await taken(queue);
    let drained = false;
    const draining = queue.drain().then(() => {
      drained = true;
    });
    queue.add('d');
    queue.retry('a');
    expect(await queue.take(NEVER)).toBeUndefined();
    expect(timers.pending).toBe(0);
    expect(drained).toBe(false);
    queue.done('a');
    await draining;
    expect(queue.sizes()).toEqual(NOTHING);
  });

  it('releases a waiting worker when its signal aborts or the queue drains', async () => {
    const queue = createWorkQueue({ timers: manualTimers() });
    const gaveUp = new AbortController();
    const waiting = [queue.take(gaveUp.signal), queue.take(NEVER)];
    gaveUp.abort();
    await queue.drain();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  });
});

const KEYS = ['a', 'b', 'c', 'd'];
type Call =
  | { readonly do: 'add'; readonly key: string }
  | { readonly do: 'retry'; readonly key: string }
  | { readonly do: 'settle'; readonly key: string }
  | { readonly do: 'addAfter'; readonly key: string; readonly ms: number }
  | { readonly do: 'take' }
  | { readonly do: 'done'; readonly ms: number }
  | { readonly do: 'advance'; readonly ms: number };

/** A queue together with a model of it: when each key is due, and which worker has which key. */
class Modelled {
  readonly timers = manualTimers();
  readonly queue = createWorkQueue({ ...LIMITS, timers: this.timers });
  readonly due = new Map<string, number>();
  readonly working: string[] = [];
  readonly #failures = new Map<string, number>();
  readonly #restUntil = new Map<string, number>();
  waiting = 0;

  call(one: Call): void {
    if (one.do === 'take') this.take();
    else if (one.do === 'done') this.done(one.ms);
    else if (one.do === 'advance') this.timers.advance(one.ms);
    else if (one.do === 'addAfter') this.#dueAfter(one.key, one.ms, () => this.queue.addAfter(one.key, one.ms));
    else if (one.do === 'add') this.#dueAfter(one.key, 0, () => this.queue.add(one.key));
    else if (one.do === 'retry') this.#retry(one.key);
    else {
      this.#failures.delete(one.key);
      this.queue.succeeded(one.key);
    }
  }

  take(): void {
    this.waiting += 1;
    void this.queue.take(NEVER).then((key = '') => {
      this.waiting -= 1;
      expect(this.working).not.toContain(key);
      expect(this.due.get(key)).toBeLessThanOrEqual(this.timers.now());
      expect(this.#rests(key)).toBe(false);
      this.due.delete(key);
      this.working.push(key);
    });
  }

  done(restMs: number): void {
    const key = this.working.shift();
    if (key === undefined) return;
    this.#restUntil.set(key, this.timers.now() + restMs);
    this.queue.done(key, restMs);
  }

  /** While a worker waits, no key that may be handed out waits. */
  async settled(): Promise<void> {
    await new Promise(setImmediate);
    const overdue = [...this.due].filter(([key, time]) => time <= this.timers.now() && !this.working.includes(key) && !this.#rests(key));
    if (this.waiting > 0) expect(overdue).toEqual([]);
  }

  #dueAfter(key: string, ms: number, call: () => void): void {
    this.due.set(key, Math.min(this.timers.now() + ms, this.due.get(key) ?? Number.POSITIVE_INFINITY));
    call();
  }

  #retry(key: string): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#dueAfter(key, backoffMs(failures, LIMITS), () => this.queue.retry(key));
  }

  #rests(key: string): boolean {
    return (this.#restUntil.get(key) ?? 0) > this.timers.now();
  }
}

describe('a work queue under any sequence of calls', () => {
  const key = fc.constantFrom(...KEYS);
  const ms = fc.integer({ min: 0, max: 300 });
  const call: fc.Arbitrary<Call> = fc.oneof(
    fc.record({ do: fc.constant('add'), key }),
    fc.record({ do: fc.constant('retry'), key }),
    fc.record({ do: fc.constant('settle'), key }),
    fc.record({ do: fc.constant('addAfter'), key, ms }),
    fc.record({ do: fc.constant('take') }),
    fc.record({ do: fc.constant('done'), ms: fc.constantFrom(0, 100) }),
    fc.record({ do: fc.constant('advance'), ms }),
  );

  /** Works on whatever is left: everything that was added must be handed out. */
  async function workOff(modelled: Modelled): Promise<void> {
    const { timers, due, working } = modelled;
    for (let i = 0; due.size > 0 || working.length > 0; i++) {
      expect(i).toBeLessThan(100);
      if (modelled.waiting === 0) modelled.take();
      while (working.length > 0) modelled.done(0);
      timers.advance(timers.untilNext ?? 0);
      await modelled.settled();
    }
    while (timers.pending > 0) timers.runNext();
  }

  it('never gives a key to two workers, loses none, hands each out when it is due and not earlier, and ends empty', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 60 }), async (calls) => {
        const modelled = new Modelled();
        for (const one of calls) {
          modelled.call(one);
          await modelled.settled();
        }
        await workOff(modelled);
        for (const one of KEYS) modelled.queue.succeeded(one);
        expect(modelled.queue.sizes()).toEqual(NOTHING);
      }),
      { numRuns: 300 },
    );
  });
});
