/** Time that stands still until a test moves it on. */
import type { Timers } from '@carpal/kubernetes/runtime/timers.ts';

export type ManualTimers = Timers & {
  /** Calls that are waited for. */
  readonly pending: number;
  /** Milliseconds until the earliest of them; undefined for none. */
  readonly untilNext: number | undefined;
  /** Moves time on and makes the calls that fall due on the way, each at its moment. */
  advance(ms: number): void;
  /** Moves time on to the earliest call and makes it. Returns how far that was. */
  runNext(): number;
};

type Call = { readonly due: number; readonly callback: () => void };

/** Time that begins at 0. */
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
      if (call === undefined) throw new Error('nothing is waited for');
      make(call);
      return time - before;
    },
  };
}
