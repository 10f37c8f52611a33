import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import { Command } from 'commander';
import type { Benchmark } from '../bench/benchmark.ts';
import { feed, prepare } from '../bench/data-path.ts';
import { rleDecode, rleEncode } from '../bench/rle.ts';
import { outcomeLine, runBenchmarks } from '../bench/run-benchmarks.ts';
import { vote } from '../bench/vote.ts';
import { cacheFolder } from '../setup/env.ts';

const BENCHMARKS: readonly Benchmark[] = [prepare, feed, rleEncode, rleDecode, vote];

function chosen(names: readonly string[]): readonly Benchmark[] {
  const strange = names.filter((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (strange.length > 0) {
    throw new CarpalError(
      'usage-invalid',
      `there is no benchmark ${strange.join(', ')}; there are ${BENCHMARKS.map(({ name }) => name).join(', ')}`,
    );
  }
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

/** `carpal bench`: what carpal promises, measured on this machine beside the method of the code base that it replaces. */
export const command = (): Command =>
  new Command()
    .description(
      "Measures carpal beside the original's method (numpy and OpenCV, in a Python environment that it makes) and prints ratios.",
    )
    .argument('[names...]', `some of ${BENCHMARKS.map(({ name }) => name).join(', ')}; all when left out`)
    .option('--json', 'print the figures as JSON')
    .action(async (names: string[], { json = false }: { json?: boolean }) => {
      const outcomes = await runBenchmarks(chosen(names), cacheFolder(), loadClasses('hand-bones'), (outcome) => {
        if (!json) process.stdout.write(`${outcomeLine(outcome)}\n`);
      });
      if (outcomes === undefined) {
        process.stdout.write("skipped: there is no python3 with venv on this machine, so the original's method cannot be measured\n");
        return;
      }
      if (json) process.stdout.write(`${JSON.stringify(outcomes, null, 2)}\n`);
      if (outcomes.some(({ ratio, goal }) => ratio < goal)) process.exitCode = EXIT.service;
    });
