import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import { Command } from 'commander';
import { augment } from '../bench/augment.ts';
import type { Benchmark } from '../bench/benchmark.ts';
import { cocoDecode, cocoDice, cocoEncode } from '../bench/coco.ts';
import { differences, writeCommitted } from '../bench/committed.ts';
import { feed, prepare } from '../bench/data-path.ts';
import { EPOCHS } from '../bench/epoch.ts';
import { INFERENCES } from '../bench/infer.ts';
import { rleDecode, rleEncode } from '../bench/rle.ts';
import { keepsPromise, type Outcome, outcomeLine, runBenchmarks } from '../bench/run-benchmarks.ts';
import { STARTS } from '../bench/start.ts';
import { STEPS } from '../bench/step.ts';
import { vote } from '../bench/vote.ts';
import { cacheFolder } from '../setup/env.ts';

const USUAL: readonly Benchmark[] = [prepare, feed, augment, rleEncode, rleDecode, vote, cocoEncode, cocoDecode, cocoDice];
/** All but the usual ones need PyTorch, a large download, so they are asked for by name. */
const BENCHMARKS: readonly Benchmark[] = [...USUAL, ...STEPS, ...INFERENCES, ...EPOCHS, ...STARTS];
const GROUPS: Readonly<Record<string, readonly Benchmark[]>> = {
  all: BENCHMARKS,
  step: STEPS,
  infer: INFERENCES,
  epochs: EPOCHS,
  start: STARTS,
};

type Options = { json?: boolean; write?: boolean; check?: boolean };

function chosen(names: readonly string[]): readonly Benchmark[] {
  const named = names.flatMap((name) => GROUPS[name] ?? BENCHMARKS.filter((benchmark) => benchmark.name === name));
  const strange = names.filter((name) => !(name in GROUPS) && !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (strange.length > 0) {
    throw new CarpalError(
      'usage-invalid',
      `there is no benchmark ${strange.join(', ')}; there are ${BENCHMARKS.map(({ name }) => name).join(', ')}`,
    );
  }
  return names.length === 0 ? USUAL : named;
}

/** What the committed figures say of today's: 69 where a ratio has fallen. */
function checkCommitted(outcomes: readonly Outcome[]): void {
  const fallen = differences(outcomes);
  if (fallen === undefined) throw new CarpalError('usage-invalid', 'there are no committed figures to check against', { where: '--check' });
  process.stdout.write(fallen.length === 0 ? 'no ratio has fallen\n' : `fallen: ${fallen.join('; ')}\n`);
  if (fallen.length > 0) process.exitCode = EXIT.service;
}

async function bench(names: string[], { json = false, write = false, check = false }: Options): Promise<void> {
  if (write && names.join() !== 'all') {
    const remedy = 'Run: carpal bench all --write';
    throw new CarpalError('usage-invalid', 'the page holds all figures of one run', { where: '--write', remedy });
  }
  const outcomes = await runBenchmarks(chosen(names), cacheFolder(), loadClasses('hand-bones'), (outcome) => {
    if (!json) process.stdout.write(`${outcomeLine(outcome)}\n`);
  });
  if (outcomes === undefined) {
    process.stdout.write("skipped: there is no python3 with venv on this machine, so the original's method cannot be measured\n");
    return;
  }
  if (json) process.stdout.write(`${JSON.stringify(outcomes, null, 2)}\n`);
  if (write) await writeCommitted(outcomes);
  if (check) checkCommitted(outcomes);
  else if (!outcomes.every(keepsPromise)) process.exitCode = EXIT.service;
}

/** `carpal bench`: what carpal promises, measured on this machine beside the method of the code base that it replaces. */
export const command = (): Command =>
  new Command()
    .description(
      "Measures carpal beside the original's method (numpy and OpenCV, in a Python environment that it makes) and prints ratios.",
    )
    .argument(
      '[names...]',
      `some of ${BENCHMARKS.map(({ name }) => name).join(', ')}; step, infer, epochs, start: all of a kind; all: everything (installs PyTorch)`,
    )
    .option('--json', 'print the figures as JSON')
    .option('--write', 'write docs/benchmarks.md')
    .option('--check', 'exit with 69 where a ratio has fallen by more than 15 % since docs/benchmarks.md was written')
    .action(bench);
