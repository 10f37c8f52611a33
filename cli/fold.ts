import { openStore } from '@carpal/artifacts/open-store.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import { readMemoryLimit, sharedLimit } from '@carpal/trainer/memory/process-memory.ts';
import { runFold } from '@carpal/trainer/stages/fold.ts';
import { Command } from 'commander';
import { wholeNumber } from './option-values.ts';
import { withStopSignal } from './stop-signal.ts';

type Options = { fold: number; experiment: string; artifacts: string; memoryShare: number };

/** `carpal fold`: trains one fold, from its last checkpoint if there is one. */
export const command = (): Command =>
  new Command()
    .description('Trains one fold of an experiment and continues from its last checkpoint. SIGTERM stops it with a checkpoint (exit 75).')
    .requiredOption('--fold <n>', 'number of the fold, starting at 0', wholeNumber('--fold', 0, 9999))
    .requiredOption('--experiment <file>', 'manifest or experiment.json')
    .requiredOption('--artifacts <uri>', 'the artifact store: a folder or s3://bucket/prefix')
    .option(
      '--memory-share <n>',
      'number of such processes that share the memory of the machine',
      wholeNumber('--memory-share', 1, 1000),
      1,
    )
    .action(async (options: Options) => {
      const experiment = loadExperiment(options.experiment);
      await withStopSignal(async (signal) => {
        await runFold({
          experiment,
          fold: options.fold,
          store: openStore(options.artifacts, { onWait: (line) => process.stderr.write(`${line}\n`) }),
          clock: Date.now,
          memoryLimit: sharedLimit(await readMemoryLimit(), options.memoryShare),
          signal,
          log: (line) => process.stdout.write(`${line}\n`),
        });
      });
    });
