import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import { Command } from 'commander';
import { augment, augmentBending } from '../bench/augment.ts';
import type { Benchmark } from '../bench/benchmark.ts';
import { cocoDecode, cocoDice, cocoEncode } from '../bench/coco.ts';
import { readCommitted, writeCommitted } from '../bench/committed.ts';
import { compareWith, comparisonText } from '../bench/comparison.ts';
import { feed, prepare } from '../bench/data-path.ts';
import { EPOCHS } from '../bench/epoch.ts';
import { INFERENCES } from '../bench/infer.ts';
import type { OperatorBenchmark } from '../bench/operator.ts';
import { isKept, type OperatorOutcome, operatorOutcomeText } from '../bench/operator-outcome.ts';
import type { Outcome } from '../bench/outcome.ts';
import { outcomeLine } from '../bench/outcome-line.ts';
import { promisesOf } from '../bench/promises.ts';
import { rleDecode, rleEncode } from '../bench/rle.ts';
import { runBenchmarks } from '../bench/run-benchmarks.ts';
import { STARTS } from '../bench/start.ts';
import { STEPS } from '../bench/step.ts';
import { vote } from '../bench/vote.ts';
import { cacheFolder } from '../setup/env.ts';
import { wholeNumber } from './whole-number.ts';

const USUAL: readonly Benchmark[] = [prepare, feed, augment, augmentBending, rleEncode, rleDecode, vote, cocoEncode, cocoDecode, cocoDice];
/** All but the usual ones need PyTorch, a large download, so they are asked for by name. */
const BENCHMARKS: readonly Benchmark[] = [...USUAL, ...STEPS, ...INFERENCES, ...EPOCHS, ...STARTS];
const GROUPS: Readonly<Record<string, readonly Benchmark[]>> = {
  all: BENCHMARKS,
  step: STEPS,
  'step-256': STEPS.filter(({ name }) => name.endsWith('-256')),
  infer: INFERENCES,
  epochs: EPOCHS,
  start: STARTS,
};

/** Of the operator: they need `make cluster-tools` and no Python, and take minutes; `operator` is all of them. Loaded when they are asked for. */
const OF_THE_OPERATOR = ['operator-200', 'operator-1000', 'operator-rest'] as const;
const SOAK = 'soak';
/** docs/results.md: what networks and choices are worth in Dice. */
const RESULTS = 'results';
/** In the order of the page. */
const NAMES: readonly string[] = [...BENCHMARKS.map(({ name }) => name), ...OF_THE_OPERATOR, SOAK];
const isOfTheOperator = (name: string): boolean => name === 'operator' || OF_THE_OPERATOR.some((known) => known === name);

type Options = {
  json?: boolean;
  write?: boolean;
  check?: boolean;
  experiments?: number;
  profile?: string;
  quick?: true;
  minutes: number;
  seed: number;
};

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

/** What the committed figures say of today's: 69 where a ratio has fallen or a promise is missed. Throws `usage-invalid` where they say nothing of any. */
function checkCommitted(outcomes: readonly Outcome[]): void {
  const comparison = compareWith(readCommitted().ratios, outcomes);
  const { compared, fallen, missed } = comparison;
  if (compared === 0) throw new CarpalError('usage-invalid', 'there are no committed figures to check against', { where: '--check' });
  process.stdout.write(`${comparisonText(comparison)}\n`);
  if (fallen.length + missed.length > 0) process.exitCode = EXIT.service;
}

/** A check that would compare with nothing, or with the figures that it has just written, is none. */
function checkOptions(names: readonly string[], { check = false, write = false, quick }: Options): void {
  const where = '--check';
  if (check && write)
    throw new CarpalError('usage-invalid', 'what is checked against would be written over first', { where: '--check --write' });
  const alone = names.find((name) => name === RESULTS || name === SOAK || isOfTheOperator(name));
  if (check && alone !== undefined) throw new CarpalError('usage-invalid', `only ratios are checked, and ${alone} has none`, { where });
  if (quick && write && alone === RESULTS)
    throw new CarpalError('usage-invalid', 'the figures of a miniature are not to be kept', { where: '--quick --write' });
}

/** 69 where a promise is not kept. */
async function benchOperator(names: readonly string[], { json = false, write = false, experiments, profile }: Options): Promise<void> {
  const { OPERATOR_BENCHMARKS } = await import('../bench/operator.ts');
  const isMeant = ({ name }: OperatorBenchmark): boolean => names.includes(name) || names.includes('operator');
  const outcomes: OperatorOutcome[] = [];
  for (const { run } of OPERATOR_BENCHMARKS.filter(isMeant)) {
    const outcome = await run({
      ...(experiments === undefined ? {} : { experiments }),
      ...(profile === undefined ? {} : { profile }),
      onProgress: (text) => void process.stderr.write(`  ${text}\n`),
    });
    outcomes.push(outcome);
    if (!json) process.stdout.write(`${operatorOutcomeText(outcome)}\n`);
  }
  if (json) process.stdout.write(`${JSON.stringify(outcomes, null, 2)}\n`);
  if (write) await writeCommitted({ operator: outcomes }, NAMES);
  if (!outcomes.every(({ measures }) => measures.every(isKept))) process.exitCode = EXIT.service;
}

/** 69 where something is lost, stuck, doubled or left over. */
async function benchSoak({ json = false, write = false, minutes, seed, experiments = 40 }: Options): Promise<void> {
  const { soak } = await import('../bench/soak.ts');
  const onProgress = (text: string): void => void process.stderr.write(`  ${text}\n`);
  const outcome = await soak({ seed, forMs: minutes * 60_000, atOnce: experiments, onProgress });
  const text = [operatorOutcomeText(outcome), ...outcome.wrong.map((what) => `  wrong: ${what}`)].join('\n');
  process.stdout.write(json ? `${JSON.stringify(outcome, null, 2)}\n` : `${text}\n`);
  if (write) await writeCommitted({ operator: [outcome] }, NAMES);
  if (outcome.wrong.length > 0) process.exitCode = EXIT.service;
}

/** Goes on where an earlier one was broken off: what it found is kept in the cache. */
async function benchResults({ json = false, write = false, quick }: Options): Promise<void> {
  const { measureResults } = await import('../bench/results/measure-results.ts');
  const { figures, page } = await measureResults({
    cache: cacheFolder(),
    isMiniature: quick === true,
    isWritten: write,
    onProgress: (text) => void process.stderr.write(`  ${text}\n`),
  });
  process.stdout.write(json ? `${JSON.stringify(figures, null, 2)}\n` : page);
}

async function bench(names: string[], options: Options): Promise<void> {
  const { json = false, write = false, check = false } = options;
  checkOptions(names, options);
  if (names.includes(RESULTS)) {
    if (names.length > 1) throw new CarpalError('usage-invalid', 'the results are measured alone');
    await benchResults(options);
    return;
  }
  if (names.includes(SOAK)) {
    if (names.length > 1) throw new CarpalError('usage-invalid', 'the soak runs alone');
    await benchSoak(options);
    return;
  }
  if (names.some(isOfTheOperator)) {
    if (!names.every(isOfTheOperator)) throw new CarpalError('usage-invalid', 'the benchmarks of the operator run apart from the others');
    await benchOperator(names, options);
    return;
  }
  const place = { cache: cacheFolder(), classes: loadClasses('hand-bones'), quick: options.quick === true };
  const outcomes = await runBenchmarks(chosen(names), place, async (outcome) => {
    if (!json) process.stdout.write(`${outcomeLine(outcome)}\n`);
    // One by one: a run of an hour that is broken off leaves what it has measured.
    if (write) await writeCommitted({ ratios: [outcome] }, NAMES);
  });
  if (outcomes === undefined) {
    const why = "there is no python3 with venv on this machine, so the original's method cannot be measured";
    if (check || write) throw new CarpalError('resource-missing', why);
    process.stdout.write(`skipped: ${why}\n`);
    return;
  }
  if (json) process.stdout.write(`${JSON.stringify(outcomes, null, 2)}\n`);
  if (check) checkCommitted(outcomes);
  else if (!outcomes.every((outcome) => promisesOf(outcome).every(({ isKept }) => isKept))) process.exitCode = EXIT.service;
}

/** `carpal bench`: what carpal promises, measured on this machine beside the method of the code base that it replaces. */
export const command = (): Command =>
  new Command()
    .description(
      "Measures carpal beside the original's method (numpy and OpenCV, in a Python environment that it makes) and prints ratios.",
    )
    .argument(
      '[names...]',
      `some of ${BENCHMARKS.map(({ name }) => name).join(', ')}; step, step-256, infer, epochs, start: all of a kind; all: everything of these (installs PyTorch). Apart: ${OF_THE_OPERATOR.join(', ')}; operator: these three; ${SOAK}: the operator under random faults; ${RESULTS}: Dice of every network and of the choices around it, in about an hour`,
    )
    .option('--json', 'print the figures as JSON')
    .option('--write', 'put the figures into docs/benchmarks.md, or docs/results.md')
    .option(
      '--check',
      'exit with 69 where a ratio has fallen by more than 15 % since docs/benchmarks.md was written, or a promise is missed',
    )
    .option(
      '--quick',
      'leave torch.compile out, which takes up to a minute a network; of the results: a miniature that only shows that it works',
    )
    .option(
      '--experiments <count>',
      'of the operator: so many experiments instead; of the soak: at a time',
      wholeNumber('--experiments', 1, 999_999),
    )
    .option('--minutes <count>', 'of the soak: how long faults go on', wholeNumber('--minutes', 1, 999_999), 20)
    .option('--seed <number>', 'of the soak: what its experiments and faults are drawn from', wholeNumber('--seed', 1, 999_999), 1)
    .option('--profile <folder>', 'of the operator: leave its processor profiles there')
    .action(bench);
