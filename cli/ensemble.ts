import { availableParallelism } from 'node:os';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import { runEnsemble } from '@carpal/trainer/stages/ensemble.ts';
import { Command } from 'commander';
import { progressLine } from './progress-line.ts';
import { withStopSignal } from './stop-signal.ts';

type Options = { readonly experiment: string; readonly artifacts: string };

/** `carpal ensemble`: the last stage of an experiment. */
export const command = (): Command =>
  new Command()
    .description("Combines the folds' networks on the test images, scores the out-of-fold masks, and writes submission, scores and report.")
    .requiredOption('--experiment <file>', 'the manifest, YAML or JSON')
    .requiredOption('--artifacts <uri>', 'the artifact store: a folder or s3://bucket/prefix')
    .action(async ({ experiment: file, artifacts }: Options) => {
      const experiment = loadExperiment(file);
      const draw = progressLine('ensemble', process.stderr, Date.now);
      await withStopSignal(async (signal) => {
        const result = await runEnsemble({
          experiment,
          store: openStore(artifacts, { onWait: (line) => process.stderr.write(`${line}\n`) }),
          clock: Date.now,
          signal,
          environment: { node: process.version, machine: `${process.platform} ${process.arch}, ${availableParallelism()} cores` },
          onProgress: draw,
        });
        const test = result.testImages === 0 ? 'there are no test images' : `${result.testImages} test images predicted`;
        process.stdout.write(`out-of-fold Dice ${result.dice.toFixed(4)} over ${result.images} images; ${test}\n`);
      });
    });
