import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AloneBenchmark } from './case.ts';
import { besideOtherWork, busyText } from './busy-cores.ts';
import { makePhantoms } from './phantoms.ts';
import { type MeasuresOutcome, measuresText } from './measures.ts';

export type AloneOutcome = MeasuresOutcome & {
  /** Cores that other work kept busy when the benchmark began or when it ended, whichever was more. */
  readonly busyCores?: number;
};

/** Runs benchmarks that have no peer, and need no Python, one after the other; reports every outcome as it comes. */
export async function runAlone(
  benchmarks: readonly AloneBenchmark[],
  { cache, classes }: { readonly cache: string; readonly classes: readonly string[] },
  report: (outcome: AloneOutcome) => void | Promise<void>,
): Promise<AloneOutcome[]> {
  const outcomes: AloneOutcome[] = [];
  if (benchmarks.length === 0) return outcomes;
  const scratch = join(cache, 'bench');
  mkdirSync(scratch, { recursive: true });
  const phantoms = await makePhantoms(scratch);
  for (const { name, what, run } of benchmarks) {
    const { result: measures, busyCores } = await besideOtherWork(() => run({ scratch, phantoms, classes }));
    const outcome = { name, what, measures, busyCores };
    outcomes.push(outcome);
    await report(outcome);
  }
  return outcomes;
}

/** The outcome as lines. */
export function aloneOutcomeText(outcome: AloneOutcome): string {
  const busy = busyText(outcome.busyCores);
  return `${measuresText(outcome)}${busy === '' ? '' : `\n  other work kept ${busy}: these are not the figures of a quiet machine`}`;
}
