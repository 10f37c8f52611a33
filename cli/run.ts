import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { datasetFolder } from '@carpal/configs/dataset-folder.ts';
import { CarpalError, EXIT, formatError } from '@carpal/configs/errors.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { dryRun } from '@carpal/operator/local/dry-run.ts';
import type { Provenance } from '@carpal/operator/local/experiment-record.ts';
import { createLiveView } from '@carpal/operator/local/live-view.ts';
import { createPlainView } from '@carpal/operator/local/plain-view.ts';
import { countTestImages, publishOutputs } from '@carpal/operator/local/publish-outputs.ts';
import { type RunResult, type RunView, runExperiment } from '@carpal/operator/local/run-experiment.ts';
import { Command } from 'commander';
import colours from 'picocolors';
import packageJson from '../package.json' with { type: 'json' };

type Options = { workdir: string; out?: string; set?: string[]; fresh?: true; dryRun?: true };

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = [join(PROJECT, 'cli.ts')];

/** `carpal run`: a whole experiment on this machine. */
export const command = (): Command =>
  new Command()
    .description('Runs a whole experiment on this machine. The same command goes on where a stopped or killed run left off.')
    .argument('<file>', 'the manifest')
    .option('--workdir <folder>', 'where the run keeps its state and artifacts', '.carpal')
    .option('--out <folder>', 'where the results go (default: out/NAME)')
    .option('--set <path=value>', 'change a field of the manifest; may be given several times', collect)
    .option('--fresh', 'start over: forget the run of this name in the work folder')
    .option('--dry-run', 'print the stages and their commands, and start nothing')
    .action(run);

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

async function run(file: string, options: Options): Promise<void> {
  const experiment = resolveDataset(loadExperiment(file, { set: options.set ?? [] }));
  const workFolder = resolve(options.workdir);
  if (options.dryRun) {
    const planned = await dryRun(experiment, workFolder, PROGRAM);
    process.stdout.write(planned.map(({ attempt, command: words }) => `${attempt}\n  ${words.join(' ')}\n`).join(''));
    return;
  }
  const result = await watched(experiment, workFolder, options.fresh === true);
  await conclude(result, options.out ?? join('out', experiment.metadata.name));
}

/** Stages may run elsewhere, so the data set's folder is made absolute; that it is there is worth knowing before anything starts. */
function resolveDataset(experiment: SegmentationExperiment): SegmentationExperiment {
  const { dataset } = experiment.spec;
  const folder = datasetFolder(dataset.uri);
  if (!existsSync(folder)) throw new CarpalError('dataset-missing', 'the folder of dataset.uri is not there', { where: folder });
  return { ...experiment, spec: { ...experiment.spec, dataset: { ...dataset, uri: folder } } };
}

/** Runs with a view that fits the terminal, and with Ctrl-C asking first and killing the second time. */
async function watched(experiment: SegmentationExperiment, workFolder: string, fresh: boolean): Promise<RunResult> {
  const [stop, kill] = [new AbortController(), new AbortController()];
  const onSignal = (): void => (stop.signal.aborted ? kill : stop).abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const now = (): Date => new Date();
  const live = process.stdout.isTTY ? createLiveView(process.stdout, colours, now) : undefined;
  const view: RunView = live ?? createPlainView((text) => process.stdout.write(text));
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
    // No git, or not a checkout: the version has to do.
    return versions;
  }
}

async function conclude(result: RunResult, out: string): Promise<void> {
  const { name } = result.experiment.metadata;
  if (result.end === 'failed') return reportFailure(result);
  if (result.end !== 'complete') {
    const why = result.end === 'suspended' ? 'suspended (run.suspend is true): set it to false, and the' : 'stopped; the';
    process.stdout.write(`${name} is ${why} same command goes on from the checkpoints.\n`);
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

/** The failure with the log to read; exits as the stage did where that says what is at fault. */
function reportFailure({ status, runs, logPath, experiment }: RunResult): void {
  const condition = status?.conditions.find(({ type }) => type === 'Failed');
  const failed = runs.filter((run) => run.state === 'failed' && run.stopRequested !== true);
  const last = failed.toSorted((a, b) => (a.finishedAt ?? '').localeCompare(b.finishedAt ?? '')).at(-1);
  const error = new CarpalError('experiment-failed', `${condition?.reason ?? 'Failed'}: ${condition?.message ?? ''}`, {
    ...(last === undefined ? {} : { where: relative(process.cwd(), logPath(last.name)) }),
    remedy: `Mend the cause, then start ${experiment.metadata.name} over with --fresh; the prepared data set is kept.`,
  });
  process.stderr.write(`${formatError(error)}\n`);
  const exits: readonly number[] = [EXIT.usage, EXIT.data, EXIT.configuration];
  process.exitCode = last?.exitCode !== undefined && exits.includes(last.exitCode) ? last.exitCode : error.exit;
}
