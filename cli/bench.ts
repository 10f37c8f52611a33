import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import { Command } from 'commander';
import { ALONE, COMPARED, ROWS } from '../bench/cases/catalogue.ts';
import { measuredHere, readCommitted, writeCommitted } from '../bench/harness/committed.ts';
import { compareWith, comparisonText } from '../bench/harness/comparison.ts';
import { isKept, type MeasuresOutcome } from '../bench/harness/measures.ts';
import { namesText } from '../bench/cases/names-text.ts';
import { type OperatorOutcome, operatorOutcomeText } from '../bench/operator/outcome.ts';
import type { Outcome } from '../bench/harness/outcome.ts';
import { outcomeLine } from '../bench/harness/outcome-line.ts';
import { type Plan, planOf } from '../bench/cases/selection.ts';
import { promisesOf } from '../bench/harness/promises.ts';
import { type AloneOutcome, aloneOutcomeText, runAlone } from '../bench/harness/run-alone.ts';
import { runBenchmarks } from '../bench/harness/run.ts';
import { cacheFolder } from '../setup/env.ts';
import { wholeNumber } from './whole-number.ts';

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

const onProgress = (text: string): void => void process.stderr.write(`  ${text}\n`);
/** Prints prose, which gives way where JSON is asked for. */
const say = (text: string, { json = false }: Options): void => void (json ? process.stderr : process.stdout).write(`${text}\n`);
const printJson = (figures: unknown): void => void process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);

/** A check that would compare with nothing, or with the figures that it has just written, is none. */
function checkOptions({ kind, names }: Plan, { check = false, write = false, quick }: Options): void {
  if (check && write)
    throw new CarpalError('usage-invalid', 'what is checked against would be written over first', { where: '--check --write' });
  if (check && kind !== 'measured')
    throw new CarpalError('usage-invalid', `only ratios are checked, and ${names[0]} has none`, { where: '--check' });
  if (quick && write && kind === 'results')
    throw new CarpalError('usage-invalid', 'the figures of a miniature are not to be kept', { where: '--quick --write' });
}

/** What committed figures and promises say of today's: 69 where a ratio has fallen or a promise is missed. Throws `usage-invalid` where they say nothing of any. */
function checkCommitted(outcomes: readonly Outcome[], alone: readonly AloneOutcome[], options: Options): void {
  const comparison = compareWith(readCommitted().ratios, { machine: measuredHere().machine, outcomes, alone });
  const { compared, fallen, missed } = comparison;
  if (compared === 0 && outcomes.length > 0)
    throw new CarpalError('usage-invalid', 'there are no committed figures to check against', { where: '--check' });
  say(comparisonText(comparison), options);
  if (fallen.length + missed.length > 0) process.exitCode = EXIT.service;
}

const keepsAll = (outcome: Outcome): boolean => promisesOf(outcome).every((promise) => promise.isKept);
const keepsMeasures = ({ measures }: MeasuresOutcome): boolean => measures.every(isKept);

/** Those with a peer first. 69 where a promise is not kept. */
async function benchMeasured(names: readonly string[], options: Options): Promise<void> {
  const { json = false, write = false, check = false, quick = false } = options;
  const isMeant = ({ name }: { readonly name: string }): boolean => names.includes(name);
  const inOrder = (a: { readonly name: string }, b: { readonly name: string }): number => names.indexOf(a.name) - names.indexOf(b.name);
  const place = { cache: cacheFolder(), classes: loadClasses('hand-bones'), quick };
  const compared = COMPARED.filter(isMeant).toSorted(inOrder);
  const outcomes = await runBenchmarks(compared, place, async (outcome) => {
    say(outcomeLine(outcome), options);
    // One by one: a run of an hour that is broken off leaves what it has measured.
    if (write) await writeCommitted({ ratios: [outcome] }, ROWS);
  });
  if (outcomes === undefined) {
    const why = "there is no python3 with venv on this machine, so the original's method cannot be measured";
    if (check || write) throw new CarpalError('resource-missing', why);
    say(`skipped: ${why}`, options);
  }
  const alone = await runAlone(ALONE.filter(isMeant).toSorted(inOrder), place, async (outcome) => {
    say(aloneOutcomeText(outcome), options);
    if (write) await writeCommitted({ alone: [outcome] }, ROWS);
  });
  if (json) printJson([...(outcomes ?? []), ...alone]);
  if (check) checkCommitted(outcomes ?? [], alone, options);
  else if (!(outcomes ?? []).every(keepsAll) || !alone.every(keepsMeasures)) process.exitCode = EXIT.service;
}

/** 69 where a promise is not kept. */
async function benchOperator(names: readonly string[], options: Options): Promise<void> {
  const { json = false, write = false, experiments, profile } = options;
  const { OPERATOR_BENCHMARKS } = await import('../bench/operator/benchmarks.ts');
  const outcomes: OperatorOutcome[] = [];
  for (const { run } of OPERATOR_BENCHMARKS.filter(({ name }) => names.includes(name))) {
    const outcome = await run({
      ...(experiments === undefined ? {} : { experiments }),
      ...(profile === undefined ? {} : { profile }),
      onProgress,
    });
    outcomes.push(outcome);
    say(operatorOutcomeText(outcome), options);
  }
  if (json) printJson(outcomes);
  if (write) await writeCommitted({ operator: outcomes }, ROWS);
  if (!outcomes.every(keepsMeasures)) process.exitCode = EXIT.service;
}

/** 69 where something is lost, stuck, doubled or left over. */
async function benchSoak(options: Options): Promise<void> {
  const { json = false, write = false, minutes, seed, experiments = 40 } = options;
  const { soak } = await import('../bench/operator/soak.ts');
  const outcome = await soak({ seed, forMs: minutes * 60_000, atOnce: experiments, onProgress });
  say([operatorOutcomeText(outcome), ...outcome.wrong.map((what) => `  wrong: ${what}`)].join('\n'), options);
  if (json) printJson(outcome);
  if (write) await writeCommitted({ operator: [outcome] }, ROWS);
  if (outcome.wrong.length > 0) process.exitCode = EXIT.service;
}

/** Goes on where an earlier one was broken off: what it found is kept in the cache. */
async function benchResults({ json = false, write = false, quick }: Options): Promise<void> {
  const { measureResults } = await import('../bench/quality/measure-results.ts');
  const { figures, page } = await measureResults({
    cache: cacheFolder(),
    isMiniature: quick === true,
    isWritten: write,
    onProgress,
  });
  if (json) printJson(figures);
  else process.stdout.write(page);
}

async function bench(words: string[], options: Options): Promise<void> {
  const plan = planOf(words);
  checkOptions(plan, options);
  if (plan.kind === 'results') await benchResults(options);
  else if (plan.kind === 'soak') await benchSoak(options);
  else if (plan.kind === 'operator') await benchOperator(plan.names, options);
  else await benchMeasured(plan.names, options);
}

/** `carpal bench`: what carpal promises, measured on this machine beside the method of the code base that it replaces. */
export const command = (): Command =>
  new Command()
    .description(
      "Measures carpal beside the original's method (numpy and OpenCV, in a Python environment that it makes) and prints ratios.",
    )
    .argument('[names...]', 'benchmarks, and words for several at once, as below')
    .option('--json', 'print the figures as JSON, and nothing else on the standard output')
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
    .addHelpText('after', namesText())
    .action(bench);
