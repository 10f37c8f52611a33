import { availableParallelism } from 'node:os';
import { pinStageThreads } from '@carpal/trainer/memory/stage-threads.ts';
import type { Command } from 'commander';
import { runStage, type StageOptions, stageCommand } from './stage-command.ts';

/** `carpal ensemble`: the last stage of an experiment. */
export const command = (): Command =>
  stageCommand(
    "Combines the folds' networks on the test images, scores the out-of-fold masks, and writes submission, scores and report.",
  ).action(async (options: StageOptions) => {
    await runStage(options, { stage: 'ensemble' }, async ({ experiment, store, clock, signal, log, draw }) => {
      pinStageThreads(experiment.spec, 'ensemble');
      // TensorFlow reads the number of threads when it loads.
      const { runEnsemble } = await import('@carpal/trainer/stages/ensemble.ts');
      const result = await runEnsemble({
        experiment,
        store,
        clock,
        signal,
        environment: { node: process.version, machine: `${process.platform} ${process.arch}, ${availableParallelism()} cores` },
        onProgress: draw,
        log,
      });
      const test = result.testImages === 0 ? 'there are no test images' : `${result.testImages} test images predicted`;
      log(`out-of-fold Dice ${result.dice.toFixed(4)} over ${result.images} images; ${test}`);
    });
  });
