import { runPrepare } from '@carpal/trainer/stages/prepare.ts';
import type { Command } from 'commander';
import { memoryLimits, runStage, type StageOptions, stageCommand } from './stage-command.ts';

/** `carpal prepare`: the first stage of an experiment, run once for all folds. */
export const command = (): Command =>
  stageCommand('Decodes the data set once, at training size, into the artifact store. Continues where it was interrupted.').action(
    async (options: StageOptions) => {
      await runStage(options, { stage: 'prepare' }, async ({ experiment, store, clock, signal, log, draw }) => {
        const prepared = await runPrepare({
          experiment,
          store,
          clock,
          signal,
          ...(await memoryLimits(options)),
          onProgress: ({ done, total, reused, imagesPerSecond }) => {
            const pace = imagesPerSecond === null ? '' : `${imagesPerSecond.toFixed(1)} images/s`;
            draw(done, total, reused > 0 ? `${pace} (${reused} existed already)`.trim() : pace);
          },
        });
        log(`${prepared.samples.length} images at ${prepared.size} px in ${prepared.folder}`);
      });
    },
  );
