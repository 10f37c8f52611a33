import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Provenance } from '@carpal/artifacts/experiment-record.ts';
import { carpalErrorOf } from '@carpal/artifacts/stage-error.ts';
import { checkFolder } from '@carpal/artifacts/write-file.ts';
import { datasetFolder } from '@carpal/configs/dataset-folder.ts';
import { CarpalError, EXIT, formatError } from '@carpal/configs/errors.ts';
import { formatMistake, loadManifest } from '@carpal/configs/load.ts';
import type { CheckedManifest, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { stageTitle } from '@carpal/operator/experiment/stage.ts';
import { createLiveView } from '@carpal/operator/local/live-view.ts';
import { fitToMachine } from '@carpal/operator/local/local-parallelism.ts';
import { createPlainView } from '@carpal/operator/local/plain-view.ts';
import { countTestImages, publishOutputs } from '@carpal/operator/local/publish-outputs.ts';
import { type RunResult, type RunView, runExperiment } from '@carpal/operator/local/run-experiment.ts';
import type { RunFailure } from '@carpal/operator/local/run-failure.ts';
import { readRunSpec, runFolder } from '@carpal/operator/local/run-folder.ts';
import { isInS3, openDataset } from '@carpal/report/dataset/open-dataset.ts';
import { checkDataset, checkPeople } from '@carpal/trainer/data/check-dataset.ts';
import { Command } from 'commander';
import colours from 'picocolors';
import packageJson from '../package.json' with { type: 'json' };
import { collect } from './option-values.ts';
import { planError, planJson, planRun, planText } from './run-plan.ts';
import { withKnownSizes } from './run-sizes.ts';

type Options = { workdir: string; out?: string; set?: string[]; fresh?: true; dryRun?: true; trial: boolean; json?: true };

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = [join(PROJECT, 'cli.ts')];

/** `carpal run`: runs a whole experiment on this machine. */
export const command = (): Command =>
  new Command()
    .description('Runs a whole experiment on this machine. The same command continues a stopped or killed run.')
    .argument('<file>', 'the manifest')
    .option('--workdir <folder>', 'where the run keeps its state and artifacts', '.carpal')
    .option('--out <folder>', 'where the results go (default: out/NAME)')
    .option('--set <path=value>', 'change a field of the manifest; may be given several times', collect)
    .option('--fresh', 'start over: delete the run of this name in the work folder')
    .option('--dry-run', 'print the stages, and the expected time and memory from three timed steps; start no stage')
    .option('--no-trial', 'with --dry-run: run no timed steps')
    .option('--json', 'with --dry-run: print JSON')
    .action(run);

async function run(file: string, options: Options): Promise<void> {
  checkOptions(options);
  const log = sayOf(options);
  const asked = resolveDataset(loadManifest(file, { set: options.set ?? [] }, (advice) => log(`advice:\n${formatMistake(advice)}`)));
  const manifest = fitToMachine(asked, availableParallelism());
  const workFolder = resolve(options.workdir);
  const out = options.out ?? join('out', manifest.metadata.name);
  // Checks everything that can be checked now, so that no problem appears only in a stage, hours later.
  const dataset = await openDataset(manifest.spec.dataset.uri);
  const found = await checkDataset(dataset, manifest.spec.dataset.split);
  const hasBegun = options.fresh !== true && (await readRunSpec(runFolder(workFolder, manifest))) !== undefined;
  if (!hasBegun) await checkPeople(found, manifest.spec.dataset.split);
  await checkFolder(workFolder);
  await checkFolder(out);
  const [fresh, tries] = [options.fresh === true, options.trial];
  const experiment = await withKnownSizes({ manifest, workFolder, fresh, dataset, mayTry: tries, log });
  if (options.dryRun) {
    const plan = await planRun(experiment, { workFolder, program: PROGRAM, fresh, dataset, tries });
    process.stdout.write(options.json ? `${JSON.stringify(planJson(plan), null, 2)}\n` : planText(plan));
    const error = planError(plan);
    if (error !== undefined) throw error;
    return;
  }
  const result = await watched(experiment, workFolder, fresh);
  await conclude(result, out);
}

function checkOptions({ dryRun, trial, json }: Options): void {
  if (dryRun || (trial && !json)) return;
  throw new CarpalError('usage-invalid', `${json ? '--json' : '--no-trial'} is only valid with --dry-run`, {
    fix: 'Add --dry-run, or remove the option. For past runs, use carpal compare or metrics.ndjson.',
  });
}

/**
 * Returns the function that prints advice and chosen sizes. With --json it prints to standard error, because standard output contains only
 * JSON.
 */
function sayOf({ json }: Options): (line: string) => void {
  const stream = json ? process.stderr : process.stdout;
  return (line) => void stream.write(`${line}\n`);
}

/** Stages may run in another folder, so the data set's folder becomes an absolute path. An S3 URI stays as it is. */
function resolveDataset(manifest: CheckedManifest): CheckedManifest {
  const { dataset } = manifest.spec;
  if (isInS3(dataset.uri)) return manifest;
  return { ...manifest, spec: { ...manifest.spec, dataset: { ...dataset, uri: datasetFolder(dataset.uri) } } };
}

/** Runs with a view that fits the terminal. The first Ctrl-C asks the run to stop, the second one kills it. */
async function watched(experiment: SegmentationExperiment, workFolder: string, fresh: boolean): Promise<RunResult> {
  const [stop, kill] = [new AbortController(), new AbortController()];
  const onSignal = (): void => (stop.signal.aborted ? kill : stop).abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const now = (): Date => new Date();
  const live = process.stdout.isTTY ? createLiveView(process.stdout, colours, now) : undefined;
  const view: RunView = live ?? createPlainView((text) => process.stdout.write(text), now);
  try {
    return await runExperiment({
      experiment,
      workFolder,
      fresh,
      program: PROGRAM,
      provenance: await provenance(),
      stop: stop.signal,
      kill: kill.signal,
      now,
      view,
    });
  } finally {
    live?.close();
    for (const signal of signals) process.off(signal, onSignal);
  }
}

async function provenance(): Promise<Provenance> {
  const versions = { carpal: packageJson.version, node: process.version };
  try {
    const { stdout } = await promisify(execFile)('git', ['-C', PROJECT, 'rev-parse', 'HEAD'], { timeout: 5000 });
    return { ...versions, gitRevision: stdout.trim() };
  } catch {
    // Git is missing, or the folder is not a checkout: the version alone is enough.
    return versions;
  }
}

async function conclude(result: RunResult, out: string): Promise<void> {
  const { name } = result.experiment.metadata;
  if (result.end === 'failed') return reportFailure(result);
  if (result.end !== 'complete') {
    const why = result.end === 'suspended' ? 'suspended (run.suspend is true): set it to false, and the' : 'stopped; the';
    process.stdout.write(`${name} is ${why} same command continues from the checkpoints.\n`);
    if (result.end === 'stopped') process.exitCode = EXIT.stopped;
    return;
  }
  const published = await publishOutputs(result.store, result.experiment, out);
  const width = Math.max(...published.map(({ path }) => path.length));
  const lines = published.map(({ path, what }) => `  ${path.padEnd(width)}  ${what}\n`);
  const testImages = await countTestImages(result.store, result.experiment);
  const note = testImages === 0 ? '  (the data set has no test images, so submission.csv has no rows)\n' : '';
  const dice = result.status?.bestDice === undefined ? '' : `, mean validation Dice ${result.status.bestDice.toFixed(3)}`;
  process.stdout.write(`${name} is complete${dice}.\n${lines.join('')}${note}`);
}

/** What failed and why, which folds finished, and how to continue. Exits with the code of the first stage that failed. */
function reportFailure({ failures, experiment, status }: RunResult): void {
  for (const failure of failures) process.stderr.write(`${failureText(failure)}\n`);
  process.stderr.write(endText(experiment.metadata.name, status));
  const [first] = failures;
  const exits: readonly (number | undefined)[] = [EXIT.usage, EXIT.data, EXIT.configuration, EXIT.infrastructure];
  process.exitCode = exits.includes(first?.exitCode) ? first?.exitCode : EXIT.service;
}

/** The stage's own error, and where to find more. */
function failureText({ stage, attempts, error, message, log }: RunFailure): string {
  const shown =
    error === undefined ? new CarpalError('stage-failed', message, { fix: 'Read the log of the stage.' }) : carpalErrorOf(error);
  const where = log === undefined ? '' : `; its log: ${relative(process.cwd(), log)}`;
  return `${formatError(shown)}\n  ${stageTitle(stage)} failed (attempt ${attempts})${where}`;
}

/** How far the experiment came, and how it continues. */
function endText(name: string, status: RunResult['status']): string {
  const folds = status?.folds ?? [];
  const done = folds.filter(({ state }) => state === 'Succeeded').map(({ index }) => index);
  const which = done.length === 0 || done.length === folds.length ? '' : ` (${done.join(', ')})`;
  const retry = (status?.retry ?? 0) + 1;
  return (
    `${name} has failed; ${done.length} of ${folds.length} folds finished${which}, and everything is kept.\n` +
    `  → Fix the cause, set run.retry to ${retry} in the manifest (or add --set run.retry=${retry}), and run the command again: failed stages ` +
    'continue from their last checkpoint, finished ones stay. If a field that decides the weights is wrong, start over with --fresh.\n'
  );
}
