import { readMemoryLimit, sharedLimit } from '@carpal/trainer/memory/process-memory.ts';
import { runFold } from '@carpal/trainer/stages/fold.ts';
import type { Command } from 'commander';
import { wholeNumber } from './option-values.ts';
import { runStage, type StageOptions, stageCommand } from './stage-command.ts';

type Options = StageOptions & { readonly fold: number; readonly memoryShare: number };

/** `carpal fold`: trains one fold, from its last checkpoint if there is one. */
export const command = (): Command =>
  stageCommand('Trains one fold of an experiment and continues from its last checkpoint. SIGTERM stops it with a checkpoint (exit 75).')
    .requiredOption('--fold <n>', 'number of the fold, starting at 0', wholeNumber('--fold', 0, 9999))
    .option(
      '--memory-share <n>',
      'number of such processes that share the memory of the machine',
      wholeNumber('--memory-share', 1, 1000),
      1,
    )
    .action(async (options: Options) => {
      const { fold, memoryShare } = options;
      await runStage(options, { stage: 'fold', fold }, async ({ experiment, store, clock, signal, log }) => {
        const memoryLimit = sharedLimit(await readMemoryLimit(), memoryShare);
        await runFold({ experiment, fold, store, clock, memoryLimit, signal, log });
      });
    });
