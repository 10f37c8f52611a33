import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Benchmark } from './case.ts';
import { besideOtherWork } from './busy-cores.ts';
import { ratio } from './figure.ts';
import { makePhantoms } from './phantoms.ts';
import type { Outcome } from './outcome.ts';
import { hasPython, openAlbumentations, openPeer, openPyTorch } from '../baseline/python.ts';

/**
 * Runs the benchmarks one after the other, each beside its peer, and reports every outcome as it comes. Returns undefined where there is
 * no Python to measure the peer with.
 */
export async function runBenchmarks(
  benchmarks: readonly Benchmark[],
  { cache, classes, quick = false }: { readonly cache: string; readonly classes: readonly string[]; readonly quick?: boolean },
  report: (outcome: Outcome) => void | Promise<void>,
): Promise<Outcome[] | undefined> {
  if (benchmarks.length === 0) return [];
  if (!hasPython()) return undefined;
  const peer = openPeer(cache);
  const scratch = join(cache, 'bench');
  mkdirSync(scratch, { recursive: true });
  const phantoms = await makePhantoms(scratch);
  const bench: Bench = { scratch, phantoms, classes, quick, peer, albumentations: openAlbumentations(cache), pytorch: openPyTorch(cache) };
  const outcomes: Outcome[] = [];
  for (const { name, what, item, goal, withinMs, memoryGoal, run } of benchmarks) {
    const { result: compared, busyCores } = await besideOtherWork(() => run(bench));
    const outcome = {
      name,
      what,
      item,
      ...compared,
      ratio: ratio(compared.ours, compared.peer),
      goal,
      ...(withinMs === undefined ? {} : { withinMs }),
      ...(memoryGoal === undefined ? {} : { memoryGoal }),
      busyCores,
    };
    outcomes.push(outcome);
    await report(outcome);
  }
  return outcomes;
}
