import { CarpalError } from '@carpal/configs/errors.ts';
import { type LabelledImage, pseudoLabel } from '@carpal/trainer/infer/pseudo-label.ts';
import { Command } from 'commander';
import { weightsChoice } from './option-values.ts';
import { addViewingOptions, type ViewingOptions, viewingOfOptions } from './viewing-options.ts';

type Options = ViewingOptions & {
  readonly weights: string[];
  readonly images: string;
  readonly out: string;
  readonly agreement: number;
  readonly thresholds?: string;
  readonly json?: boolean;
};

/** `carpal pseudo-label`: a data set from confident masks. */
export const command = (): Command =>
  addViewingOptions(
    new Command()
      .description(
        'Predicts images without annotations and writes those on which several networks agree as a data set for training. Weak networks teach their mistakes: use an ensemble that scores well.',
      )
      .requiredOption('--weights <path...>', 'best.safetensors files, or folders of experiments for all their folds; path=2 counts twice')
      .requiredOption('--images <folder>', 'a folder of images, or a data set (its test half)')
      .requiredOption('--out <folder>', 'the data set to write: train/DCM and train/outputs_json')
      .option('--agreement <dice>', 'the lowest Dice of each network against the common mask, in every class', agreement, 0.9)
      .option('--thresholds <file>', "an ensemble's thresholds.json (default: 0.5 for each class)"),
  )
    .option('--json', 'print JSON')
    .action(async ({ weights, thresholds = 0.5, json, ...options }: Omit<Options, 'thresholds'> & { thresholds?: string | number }) => {
      const showsProgress = process.stderr.isTTY === true && json !== true;
      const images = await pseudoLabel({
        ...options,
        weights: weights.map(weightsChoice),
        thresholds,
        viewing: viewingOfOptions(options),
        ...(showsProgress ? { onProgress: (done: number, total: number) => process.stderr.write(`\r${done} of ${total} images`) } : {}),
      });
      if (showsProgress) process.stderr.write('\n');
      process.stdout.write(json ? `${JSON.stringify(images, null, 2)}\n` : textOf(images, options.out));
    });

function textOf(images: readonly LabelledImage[], out: string): string {
  const left = images.filter(({ isKept }) => !isKept);
  const lines = left.map(
    ({ imageName, agreement: dice, weakestClass }) =>
      `  left out: ${imageName}, the networks agree on ${weakestClass} with Dice ${dice.toFixed(4)}\n`,
  );
  return `${out}: ${images.length - left.length} of ${images.length} images\n${lines.join('')}`;
}

function agreement(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value > 0 && value <= 1) return value;
  throw new CarpalError('usage-invalid', `"${text}" is not a Dice above 0 and at most 1`, { where: '--agreement' });
}
