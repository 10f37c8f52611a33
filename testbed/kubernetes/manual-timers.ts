/** Timers that a test controls. */
import type { Timers } from '@carpal/kubernetes/runtime/timers.ts';

export type ManualTimers = Timers & {
  /** The number of calls that are due later. */
  readonly pending: number;
  /** Milliseconds until the earliest call; undefined if there is none. */
  readonly untilNext: number | undefined;
  /** Advances the time and makes the calls that become due, each at its time. */
  advance(ms: number): void;
  /** Advances the time to the earliest call and makes it. Returns the milliseconds. */
  runNext(): number;
};

type Call = { readonly due: number; readonly callback: () => void };

/** Timers that start at 0. */
export function manualTimers(): ManualTimers {
  const calls = new Set<Call>();
  let time = 0;
  const earliest = (): Call | undefined =>
    [...calls].reduce<Call | undefined>((a, b) => (a !== undefined && a.due <= b.due ? a : b), undefined);
  const make = (call: Call): void => {
    calls.delete(call);
    time = Math.max(time, call.due);
    call.callback();
  };
  return {
    now: () => time,
    after(ms, callback) {
      const call: Call = { due: time + Math.max(0, ms), callback };
      calls.add(call);
      return () => calls.delete(call);
    },
    get pending() {
      return calls.size;
    },
    get untilNext() {
      const call = earliest();
      return call === undefined ? undefined : call.due - time;
    },
    advance(ms) {
      const end = time + ms;
      for (let call = earliest(); call !== undefined && call.due <= end; call = earliest()) make(call);
      time = end;
    },
    runNext() {
      const before = time;
      const call = earliest();
      if (call === undefined) throw new Error('no call is due later');
      make(call);
      return time - before;
    },
  };
}
