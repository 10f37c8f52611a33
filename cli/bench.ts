import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError, EXIT } from '@carpal/configs/errors.ts';
import { Command } from 'commander';
import { COMPARED, ROWS, STANDALONE } from '../bench/cases/catalogue.ts';
import { casesHelp, type Selection, selectCases } from '../bench/cases/selection.ts';
import { measuredHere, readCommitted, writeCommitted } from '../bench/harness/committed.ts';
import { compareWith, comparisonText } from '../bench/harness/comparison.ts';
import { goalsOf, isMet } from '../bench/harness/goals.ts';
import {
  type MeasuresOutcome,
  type OperatorOutcome,
  type Outcome,
  operatorText,
  outcomeText,
  type StandaloneOutcome,
  standaloneText,
} from '../bench/harness/outcome.ts';
import { runCompared, runStandalone } from '../bench/harness/run.ts';
import { cacheFolder } from '../setup/env.ts';
import { wholeNumber } from './option-values.ts';

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
/** Prints text to standard output, or to standard error if that is reserved for JSON. */
const print = (text: string, { json = false }: Options): void => void (json ? process.stderr : process.stdout).write(`${text}\n`);
const printJson = (figures: unknown): void => void process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);

/** Rejects a check that would compare with nothing, or with the figures that it has just written. */
function checkOptions({ kind, names }: Selection, { check = false, write = false, quick }: Options): void {
  if (check && write)
    throw new CarpalError('usage-invalid', '--write would replace the figures that --check compares with', { where: '--check --write' });
  if (check && kind !== 'measured')
    throw new CarpalError('usage-invalid', `only ratios can be checked, and ${names[0]} has none`, { where: '--check' });
  if (quick && write && (kind === 'results' || kind === 'quality' || kind === 'collapse'))
    throw new CarpalError('usage-invalid', 'the figures of a miniature cannot be committed', { where: '--quick --write' });
}

/**
 * Compares with the committed figures and the goals: exits with 69 if a ratio is lower or a goal is missed. Throws `usage-invalid` if
 * nothing can be compared.
 */
function checkCommitted(outcomes: readonly Outcome[], standalone: readonly StandaloneOutcome[], options: Options): void {
  const comparison = compareWith(readCommitted().ratios, { machine: measuredHere().machine, outcomes, standalone });
  const { compared, lower, missed } = comparison;
  if (compared === 0 && outcomes.length > 0)
    throw new CarpalError('usage-invalid', 'no committed figures can be compared with these', { where: '--check' });
  print(comparisonText(comparison), options);
  if (lower.length + missed.length > 0) process.exitCode = EXIT.service;
}

const meetsGoals = (outcome: Outcome): boolean => goalsOf(outcome).every((goal) => goal.isMet);
const measuresMeetGoals = ({ measures }: MeasuresOutcome): boolean => measures.every(isMet);

/** Cases with a baseline run first. Exits with 69 if a goal is missed. */
async function benchMeasured(names: readonly string[], options: Options): Promise<void> {
  const { json = false, write = false, check = false, quick = false } = options;
  const isSelected = ({ name }: { readonly name: string }): boolean => names.includes(name);
  const inOrder = (a: { readonly name: string }, b: { readonly name: string }): number => names.indexOf(a.name) - names.indexOf(b.name);
  const place = { cache: cacheFolder(), classes: loadClasses('hand-bones'), quick };
  const outcomes = await runCompared(COMPARED.filter(isSelected).toSorted(inOrder), place, async (outcome) => {
    print(outcomeText(outcome), options);
    // One by one, so that an interrupted run keeps what it has measured.
    if (write) await writeCommitted({ ratios: [outcome] }, ROWS);
  });
  if (outcomes === undefined) {
    const reason = 'there is no python3 with venv on this machine, so the baselines cannot be measured';
    if (check || write) throw new CarpalError('resource-missing', reason);
    print(`skipped: ${reason}`, options);
  }
  const standalone = await runStandalone(STANDALONE.filter(isSelected).toSorted(inOrder), place, async (outcome) => {
    print(standaloneText(outcome), options);
    if (write) await writeCommitted({ standalone: [outcome] }, ROWS);
  });
  if (json) printJson([...(outcomes ?? []), ...standalone]);
  if (check) checkCommitted(outcomes ?? [], standalone, options);
  else if (!(outcomes ?? []).every(meetsGoals) || !standalone.every(measuresMeetGoals)) process.exitCode = EXIT.service;
}

/** Exits with 69 if a goal is missed. */
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
    print(operatorText(outcome), options);
  }
  if (json) printJson(outcomes);
  if (write) await writeCommitted({ operator: outcomes }, ROWS);
  if (!outcomes.every(measuresMeetGoals)) process.exitCode = EXIT.service;
}

/** Exits with 69 if something is lost, stuck, duplicated or left over. */
async function benchSoak(options: Options): Promise<void> {
  const { json = false, write = false, minutes, seed, experiments = 40 } = options;
  const { soak } = await import('../bench/operator/soak.ts');
  const outcome = await soak({ seed, forMs: minutes * 60_000, active: experiments, onProgress });
  print([operatorText(outcome), ...outcome.wrong.map((what) => `  wrong: ${what}`)].join('\n'), options);
  if (json) printJson(outcome);
  if (write) await writeCommitted({ operator: [outcome] }, ROWS);
  if (outcome.wrong.length > 0) process.exitCode = EXIT.service;
}

/** The parts of docs/results.md. */
type ResultsKind = 'results' | 'quality' | 'collapse';

/** Continues an interrupted run: its figures are in the cache. */
async function benchResults(kind: ResultsKind, { json = false, write = false, quick }: Options): Promise<void> {
  const { measureCollapse, measureContest, measureResults } = await import('../bench/quality/measure-results.ts');
  const measures = { results: measureResults, quality: measureContest, collapse: measureCollapse };
  const { figures, page } = await measures[kind]({
    cache: cacheFolder(),
    isMiniature: quick === true,
    isWritten: write,
    onProgress,
  });
  if (json) printJson(figures);
  else process.stdout.write(page);
}

async function bench(names: string[], options: Options): Promise<void> {
  const selection = selectCases(names);
  checkOptions(selection, options);
  if (selection.kind === 'results' || selection.kind === 'quality' || selection.kind === 'collapse')
    await benchResults(selection.kind, options);
  else if (selection.kind === 'soak') await benchSoak(options);
  else if (selection.kind === 'operator') await benchOperator(selection.names, options);
  else await benchMeasured(selection.names, options);
}

/** `carpal bench`: measures carpal on this machine, and compares it with baselines and goals. */
export const command = (): Command =>
  new Command()
    .description(
      'Measures carpal and its baselines on this machine and prints how many times faster carpal is. Makes the Python environments that the baselines need.',
    )
    .argument('[cases...]', 'cases and groups of cases, see below')
    .option('--json', 'print only the figures as JSON to standard output')
    .option('--write', 'write the figures to docs/benchmarks.md or docs/results.md')
    .option('--check', 'exit with 69 if a ratio is more than 15 % lower than in docs/benchmarks.md, or if a goal is missed')
    .option(
      '--quick',
      'without torch.compile, which takes up to a minute per network; for results, quality and collapse: a miniature that only tests the code',
    )
    .option(
      '--experiments <count>',
      'for the operator: the number of experiments; for the soak: the number of concurrent experiments',
      wholeNumber('--experiments', 1, 999_999),
    )
    .option('--minutes <count>', 'for the soak: how long faults occur', wholeNumber('--minutes', 1, 999_999), 20)
    .option('--seed <number>', 'for the soak: the seed of its experiments and faults', wholeNumber('--seed', 1, 999_999), 1)
    .option('--profile <folder>', 'for the operator: write its CPU profiles to this folder')
    .addHelpText('after', casesHelp())
    .action(bench);
