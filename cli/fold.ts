import { pinStageThreads } from '@carpal/trainer/memory/stage-threads.ts';
import type { Command } from 'commander';
import { wholeNumber } from './option-values.ts';
import { memoryLimits, runStage, type StageOptions, stageCommand } from './stage-command.ts';

type Options = StageOptions & { readonly fold: number };

/** `carpal fold`: trains one fold, from its last checkpoint if there is one. */
export const command = (): Command =>
  stageCommand('Trains one fold of an experiment and continues from its last checkpoint. SIGTERM stops it with a checkpoint (exit 75).')
    .requiredOption('--fold <n>', 'number of the fold, starting at 0', wholeNumber('--fold', 0, 9999))
    .action(async (options: Options) => {
      const { fold } = options;
      await runStage(options, { stage: 'fold', fold }, async ({ experiment, store, clock, signal, log }) => {
        pinStageThreads(experiment.spec, 'fold');
        // TensorFlow reads the number of threads when it loads.
        const { runFold } = await import('@carpal/trainer/stages/fold.ts');
        await runFold({ experiment, fold, store, clock, signal, log, ...(await memoryLimits(options)) });
      });
    });
