/** Runs cases one after the other, and records how busy other programs kept the machine. */
import { mkdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { hasPython, openBaselines } from '../baseline/python.ts';
import type { CaseInput, ComparedCase, StandaloneCase } from './case.ts';
import { ratio } from './figure.ts';
import type { Outcome, StandaloneOutcome } from './outcome.ts';
import { makePhantoms } from './phantoms.ts';

type Place = { readonly cache: string; readonly classes: readonly string[] };

async function inputIn({ cache, classes }: Place): Promise<CaseInput> {
  const scratch = join(cache, 'bench');
  mkdirSync(scratch, { recursive: true });
  return { scratch, phantoms: await makePhantoms(scratch), classes };
}

/** Runs cases with their baselines and calls `report` after each one. Returns undefined if the machine has no Python for the baselines. */
export async function runCompared(
  cases: readonly ComparedCase[],
  { quick = false, ...place }: Place & { readonly quick?: boolean },
  report: (outcome: Outcome) => void | Promise<void>,
): Promise<Outcome[] | undefined> {
  if (cases.length === 0) return [];
  if (!hasPython()) return undefined;
  const input = { ...(await inputIn(place)), baselines: openBaselines(place.cache), quick };
  const outcomes: Outcome[] = [];
  for (const { run, ...facts } of cases) {
    const { result: compared, busyCores } = await withBusyCores(() => run(input));
    const outcome = { ...facts, ...compared, ratio: ratio(compared.ours, compared.baseline), busyCores };
    outcomes.push(outcome);
    await report(outcome);
  }
  return outcomes;
}

/** Runs cases without a baseline, which need no Python, and calls `report` after each one. */
export async function runStandalone(
  cases: readonly StandaloneCase[],
  place: Place,
  report: (outcome: StandaloneOutcome) => void | Promise<void>,
): Promise<StandaloneOutcome[]> {
  if (cases.length === 0) return [];
  const input = await inputIn(place);
  const outcomes: StandaloneOutcome[] = [];
  for (const { name, what, run } of cases) {
    const { result: measures, busyCores } = await withBusyCores(() => run(input));
    const outcome = { name, what, measures, busyCores };
    outcomes.push(outcome);
    await report(outcome);
  }
  return outcomes;
}

/** Milliseconds that all cores together have spent since the machine started. */
type CoreTime = { readonly busyMs: number; readonly allMs: number };

const SAMPLE_MS = 1000;

function coreTime(): CoreTime {
  let [idleMs, allMs] = [0, 0];
  for (const { times } of cpus()) {
    idleMs += times.idle;
    allMs += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { busyMs: allMs - idleMs, allMs };
}

/** How many of `cores` were busy between two samples; 0 if no time has passed. */
export function coresBusyBetween(before: CoreTime, after: CoreTime, cores: number): number {
  const allMs = after.allMs - before.allMs;
  return allMs > 0 ? (cores * (after.busyMs - before.busyMs)) / allMs : 0;
}

/**
 * How many cores other programs keep busy, measured for a second in which this process does nothing. The load average does not show it:
 * after a benchmark it is mostly the benchmark's own.
 */
async function busyCores(): Promise<number> {
  const before = coreTime();
  await pause(SAMPLE_MS);
  return coresBusyBetween(before, coreTime(), cpus().length);
}

async function withBusyCores<Result>(work: () => Promise<Result>): Promise<{ readonly result: Result; readonly busyCores: number }> {
  const before = await busyCores();
  const result = await work();
  return { result, busyCores: Math.max(before, await busyCores()) };
}
