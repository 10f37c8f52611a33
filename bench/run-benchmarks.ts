import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Benchmark } from './benchmark.ts';
import { busyCores, busyText } from './busy-cores.ts';
import { type Figure, millisecondsPerItem, type NamedFigure, ratio } from './figure.ts';
import { makePhantoms } from './material.ts';
import { hasPython, openAlbumentations, openPeer, openPyTorch } from './peer.ts';

/** What one benchmark found, as `--json` prints it. */
export type Outcome = {
  readonly name: string;
  readonly what: string;
  readonly item: string;
  readonly ours: Figure;
  /** The fastest of `peers`, where the peer can be run in several ways. */
  readonly peer: Figure;
  readonly peers?: readonly NamedFigure[];
  /** Names of ways of the peer that were tried and did not work. */
  readonly refused?: readonly string[];
  readonly ratio: number;
  readonly goal: number;
  readonly withinMs?: number;
  /** Cores that other work kept busy when the benchmark began or when it ended, whichever was more. */
  readonly busyCores?: number;
};

/** Whether the outcome keeps what is promised: the ratio, and the time where one is named. */
export function keepsPromise({ ours, ratio: found, goal, withinMs = Number.POSITIVE_INFINITY }: Outcome): boolean {
  return found >= goal && millisecondsPerItem(ours).median <= withinMs;
}

/** Median with its quartiles. */
export function milliseconds(figure: Figure): string {
  const { median, low, high } = millisecondsPerItem(figure);
  const digits = median < 1 ? 3 : median < 100 ? 2 : 0;
  return `${median.toFixed(digits)} ms (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

function memory({ ours, peer }: Outcome): string {
  if (ours.peakMb === undefined || peer.peakMb === undefined) return '';
  return `; memory at its highest ${ours.peakMb.toFixed(0)} and ${peer.peakMb.toFixed(0)} MB`;
}

/** What is promised of an outcome, in words. */
export function promise({ goal, withinMs }: Pick<Outcome, 'goal' | 'withinMs'>): string {
  return `≥ ${goal}×${withinMs === undefined ? '' : `, ≤ ${withinMs} ms`}`;
}

/** One outcome as a line: both medians with their quartiles, the ratio, and whether it keeps what is promised. */
export function outcomeLine(outcome: Outcome): string {
  const verdict = keepsPromise(outcome) ? 'kept' : 'MISSED';
  const busy = busyText(outcome.busyCores);
  return [
    `${outcome.name.padEnd(12)} ${outcome.what}`,
    `${' '.repeat(12)} carpal ${milliseconds(outcome.ours)} for each ${outcome.item}, peer ${milliseconds(outcome.peer)}${memory(outcome)}`,
    ...(outcome.peers ?? []).map(({ name, figure }) => `${' '.repeat(12)}   ${name} ${milliseconds(figure)}`),
    ...(busy === '' ? [] : [`${' '.repeat(12)} other work kept ${busy}: these are not the figures of a quiet machine`]),
    `${' '.repeat(12)} ratio ${outcome.ratio.toFixed(2)}× (promised ${promise(outcome)}: ${verdict})`,
  ].join('\n');
}

/**
 * Runs the benchmarks one after the other, each beside its peer, and reports every outcome as it comes. Returns undefined where there is
 * no Python to measure the peer with.
 */
export async function runBenchmarks(
  benchmarks: readonly Benchmark[],
  { cache, classes, quick = false }: { readonly cache: string; readonly classes: readonly string[]; readonly quick?: boolean },
  report: (outcome: Outcome) => void | Promise<void>,
): Promise<Outcome[] | undefined> {
  if (!hasPython()) return undefined;
  const peer = openPeer(cache);
  const scratch = join(cache, 'bench');
  mkdirSync(scratch, { recursive: true });
  const phantoms = await makePhantoms(scratch);
  const bench: Bench = { scratch, phantoms, classes, quick, peer, albumentations: openAlbumentations(cache), pytorch: openPyTorch(cache) };
  const outcomes: Outcome[] = [];
  for (const { name, what, item, goal, withinMs, run } of benchmarks) {
    const before = await busyCores();
    const compared = await run(bench);
    const busy = Math.max(before, await busyCores());
    const outcome = {
      name,
      what,
      item,
      ...compared,
      ratio: ratio(compared.ours, compared.peer),
      goal,
      ...(withinMs === undefined ? {} : { withinMs }),
      busyCores: busy,
    };
    outcomes.push(outcome);
    await report(outcome);
  }
  return outcomes;
}
