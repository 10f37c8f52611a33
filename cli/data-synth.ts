import { synthesizeDataset } from '@carpal/trainer/phantom/synthesize.ts';
import { Command } from 'commander';
import { wholeNumber } from './option-values.ts';
import { progressLine } from './progress-line.ts';
import { withStopSignal } from './stop-signal.ts';

type Options = { out: string; people: number; testPeople: number; seed: number; size: number };

/** `carpal data synth`: draws a phantom data set. */
export const command = (): Command =>
  new Command()
    .description(
      'Draws artificial radiographs of hands, with annotations, in the layout of the data set. The same seed gives the same files.',
    )
    .requiredOption('--out <folder>', 'where to write: a new or empty folder, or one in which the same set was started')
    .option('--people <n>', 'number of people for training, two hands each', wholeNumber('--people', 1, 10_000), 12)
    .option(
      '--test-people <n>',
      'number of further people for the test; their annotations go to truth/',
      wholeNumber('--test-people', 0, 10_000),
      4,
    )
    .option('--seed <n>', 'chooses the set', wholeNumber('--seed', 0, Number.MAX_SAFE_INTEGER), 1)
    .option('--size <pixels>', 'side of the images in pixels', wholeNumber('--size', 128, 4096), 2048)
    .action(async ({ out, ...parameters }: Options) => {
      await withStopSignal(async (signal) => {
        const onProgress = progressLine('synth', process.stderr, Date.now);
        const { made, kept } = await synthesizeDataset({ folder: out, ...parameters, onProgress, signal });
        process.stdout.write(`${made} images made${kept > 0 ? `, ${kept} existed already` : ''}: ${out}\n`);
      });
    });
