import { openStore } from '@carpal/artifacts/open-store.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import { runPrepare } from '@carpal/trainer/stages/prepare.ts';
import { Command } from 'commander';
import { progressLine } from './progress-line.ts';
import { withStopSignal } from './stop-signal.ts';

type Options = { experiment: string; artifacts: string };

/** `carpal prepare`: the first stage of an experiment, run once for all folds. */
export const command = (): Command =>
  new Command()
    .description('Decodes the data set once, at training size, into the artifact store. Continues where it was interrupted.')
    .requiredOption('--experiment <file>', 'the manifest, YAML or JSON')
    .requiredOption('--artifacts <uri>', 'the artifact store: a folder or s3://bucket/prefix')
    .action(async ({ experiment: file, artifacts }: Options) => {
      const experiment = loadExperiment(file);
      const draw = progressLine('prepare', process.stderr, Date.now);
      await withStopSignal(async (signal) => {
        const prepared = await runPrepare({
          experiment,
          store: openStore(artifacts, { onWait: (line) => process.stderr.write(`${line}\n`) }),
          clock: Date.now,
          signal,
          onProgress: ({ done, total, reused, imagesPerSecond }) => {
            const pace = imagesPerSecond === null ? '' : `${imagesPerSecond.toFixed(1)} images/s`;
            draw(done, total, reused > 0 ? `${pace} (${reused} existed already)`.trim() : pace);
          },
        });
        process.stdout.write(`${prepared.samples.length} images at ${prepared.size} px in ${prepared.folder}\n`);
      });
    });
